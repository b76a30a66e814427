import dataclasses

import pytest

from common.history import Epoch, Evaluation
from common.recipe import Recipe
from common.training import Run
from compare.curves import allowed, judge_curves

NAMES = ("manual", "torch")


def run(training=0.5, validation=0.5, test=0.5, seed=0):
    def at(accuracy):
        return Evaluation(cost=2.0, loss=1.0, accuracy=accuracy)

    epochs = [
        Epoch(1, 10, at(0.3), at(0.3), (0.1,), 1.0),
        Epoch(2, 20, at(training), at(validation), (0.1,), 1.0),
    ]
    return Run(Recipe(seed=seed), epochs, {"test": at(test)}, {}, {})


def judge(*pairs, validation_images=5_000):
    return judge_curves(NAMES, pairs, validation_images=validation_images)


@pytest.mark.parametrize(("apart", "verdict"), [(0.0199, "agree"), (0.0201, "disagree")])
def test_training_accuracies_may_differ_by_2_points(apart, verdict):
    found = judge((run(), run(training=0.5 + apart)))
    assert found.verdict == verdict
    assert (found.largest["part"], found.largest["epoch"]) == ("training", 2)
    assert abs(found.largest["difference"] - apart) < 1e-12


@pytest.mark.parametrize(("apart", "verdict"), [(0.0399, "agree"), (0.0401, "disagree")])
def test_validation_accuracies_on_5000_images_by_4(apart, verdict):
    assert judge((run(), run(validation=0.5 - apart))).verdict == verdict


def test_fewer_images_allow_more():
    assert abs(allowed("validation", 5_000) - 0.04) < 1e-12
    assert abs(allowed("validation", 1_250) - 0.06) < 1e-12
    assert allowed("training", 1_250) == 0.02


def test_final_test_accuracies_may_differ_by_1_point_on_average():
    pairs = [(run(test=0.5), run(test=0.515)), (run(test=0.5, seed=1), run(test=0.496, seed=1))]
    found = judge(*pairs)
    assert (found.verdict, found.seeds) == ("agree", (0, 1))
    assert abs(found.mean_final - 0.0095) < 1e-12
    worse = dataclasses.replace(found, mean_final=0.0101)
    assert worse.verdict == "disagree"
