import dataclasses

import pytest

from compare.twins.curves import judge_curves
from twingrad.history import Epoch, Evaluation
from twingrad.recipe import Recipe
from twingrad.training import Run

NAMES = ("manual", "torch")


def run(training=0.5, validation=0.5, test=0.5, seed=0):
    def at(accuracy):
        return Evaluation(cost=2.0, loss=1.0, accuracy=accuracy)

    epochs = [
        Epoch(1, 10, at(0.3), at(0.3), (0.1,), 1.0),
        Epoch(2, 20, at(training), at(validation), (0.1,), 1.0),
    ]
    return Run(Recipe(seed=seed), epochs, {"test": at(test)}, {}, {})


@pytest.mark.parametrize("part", ["training", "validation"])
@pytest.mark.parametrize(("apart", "verdict"), [(0.0199, "agree"), (0.0201, "disagree")])
def test_accuracies_of_an_epoch_may_differ_by_2_points(part, apart, verdict):
    found = judge_curves(NAMES, [(run(), run(**{part: 0.5 + apart}))])
    assert found.verdict == verdict
    assert (found.largest["part"], found.largest["epoch"]) == (part, 2)
    assert abs(found.largest["difference"] - apart) < 1e-12


def test_what_rounding_does_averages_out_and_a_fault_does_not():
    chaos = [(run(), run(training=0.53)), (run(seed=1), run(training=0.48, seed=1))]
    assert judge_curves(NAMES, chaos).verdict == "agree"
    fault = [(run(), run(training=0.53)), (run(seed=1), run(training=0.52, seed=1))]
    found = judge_curves(NAMES, fault)
    assert found.verdict == "disagree"
    assert abs(found.largest["difference"] - 0.025) < 1e-12


def test_final_test_accuracies_may_differ_by_1_point_on_average():
    pairs = [(run(test=0.5), run(test=0.515)), (run(test=0.5, seed=1), run(test=0.496, seed=1))]
    found = judge_curves(NAMES, pairs)
    assert (found.verdict, found.seeds) == ("agree", (0, 1))
    assert abs(found.mean_final - 0.0095) < 1e-12
    worse = dataclasses.replace(found, mean_final=0.0101)
    assert worse.verdict == "disagree"
