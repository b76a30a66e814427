import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import manual_impl
import torch_impl
from compare.diagnosis.catalogue import plain_training
from compare.diagnosis.catalogue.plain_training import PlainLearner
from compare.diagnosis.catalogue.schedule_faults import right as right_schedule
from compare.diagnosis.catalogue.trained_states import STATE_FAULTS
from compare.diagnosis.state_diagnosis import (
    combine,
    examine_states,
    faults_in,
    residual,
    states_with,
)
from compare.diagnosis.states import (
    HALF_CYCLE,
    SCHEDULED,
    SETTINGS,
    STATE_TOLERANCE,
    UPDATES,
    course,
    first_wrong,
    judge_states,
    setting,
    zeros_of,
)

BY_NAME = {fault.name: fault for fault in STATE_FAULTS}


def right():
    return states_with(())


def examined(found):
    return examine_states(found, judge_states("a plain training", right(), found))


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("implementation", [manual_impl, torch_impl], ids=lambda m: m.__name__)
def test_both_implementations_train_as_the_plain_one(implementation, name):
    found, expected = course(implementation, name), states_with((), name)
    for tensor, value in found.items():
        size = max(1.0 if tensor in zeros_of(name) else 0.0, np.abs(expected[tensor]).max())
        np.testing.assert_allclose(value, expected[tensor], rtol=0, atol=STATE_TOLERANCE * size)
    verdicts = judge_states("a plain training", expected, found, name)
    assert {verdict.verdict for verdict in verdicts} == {"agree"}
    assert examine_states(found, verdicts, name) is None


def test_the_plain_training_imports_neither_implementation():
    text = Path(plain_training.__file__).read_text()
    imported = re.findall(r"^(?:from|import) ([\w.]+)", text, re.MULTILINE)
    assert {name.split(".")[0] for name in imported} == {
        "collections",
        "jaxtyping",
        "numpy",
        "twingrad",
    }


def test_every_state_is_looked_at():
    recipe, network, dataset, _ = setting()
    states = right()
    kinds = [*network.parameter_shapes, *network.statistic_shapes]
    for name in kinds:
        assert states[name].shape == (
            UPDATES,
            *(network.parameter_shapes | network.statistic_shapes)[name],
        )
    assert states["cost"].shape == (UPDATES, 1)
    assert states["learning rate"].shape == (SCHEDULED,)
    for part in ("validation", "test"):
        cost, loss, accuracy = states[f"evaluation of {part}"]
        squares = sum(np.square(states[f"W{l}"][-1]).sum() for l in (1, 2, 3))
        assert cost - loss == pytest.approx(recipe.penalty * squares)
        assert (accuracy * len(getattr(dataset, part))) % 1 == pytest.approx(0, abs=1e-9)


def test_the_running_statistics_are_those_of_the_specification():
    recipe, _, _, _ = setting()
    states = course(manual_impl)
    moved = states["mu1"][1:] - recipe.alpha * states["mu1"][:-1]
    # every later minibatch adds 1 - alpha of its own mean, which is of the mean's own size
    ratio = np.abs(moved).mean() / np.abs(states["mu1"]).mean()
    assert 0.3 * (1 - recipe.alpha) < ratio < 10 * (1 - recipe.alpha)


def names(examination):
    return [{fault.name for fault in match.faults} for match in examination.matches]


@pytest.mark.slow
@pytest.mark.parametrize("fault", faults_in("sgd"), ids=lambda fault: fault.name)
def test_every_fault_of_training_is_diagnosed(fault):
    examination = examined(states_with((fault,)))
    assert names(examination)[0] == {fault.name}
    assert examination.matches[0].residual == 0
    assert examination.tensor.startswith(fault.tensor)
    said = examination.sentences
    assert fault.explanation in said[1]
    assert fault.fix in said[1]


@pytest.mark.parametrize(
    ("name", "tensor", "update"),
    [
        ("running variance unbiased", "v1", 1),
        ("alpha and 1 - alpha exchanged", "mu1", 2),
        ("running statistics started at 0 and 1", "mu1", 1),
        ("running statistics in training", "cost", 2),
        ("ascent", "W1", 1),
        ("penalty twice", "W1", 1),
        ("momentum", "W1", 2),
        ("minibatch statistics in evaluation", "evaluation of validation", None),
        ("test data standardised by themselves", "evaluation of test", None),
    ],
)
def test_the_first_state_that_is_wrong_is_named_with_its_update(name, tensor, update):
    examination = examined(states_with((BY_NAME[name],)))
    assert (examination.tensor, examination.update) == (tensor, update)


PAIR = ("alpha and 1 - alpha exchanged", "penalty twice")


def test_two_faults_of_training_are_told_apart():
    pair = tuple(BY_NAME[name] for name in PAIR)
    assert names(examined(states_with(pair)))[0] == set(PAIR)


def test_two_faults_of_the_same_step_are_not_tried_together():
    assert combine((BY_NAME["gradient summed in the update"], BY_NAME["momentum"])) is None
    schedules = (BY_NAME["t counted from 0"], BY_NAME["learning rate constant"])
    assert combine(schedules) is None


def test_what_no_fault_explains_is_said_with_its_place():
    found = {name: value.copy() for name, value in right().items()}
    found["W2"][4:] += 0.01
    examination = examined(found)
    assert (examination.tensor, examination.update, examination.matches) == ("W2", 5, ())
    assert examination.sentences == [
        "Training, first wrong: W2 after update 5.",
        "No known fault explains this.",
    ]


def test_states_of_another_shape_or_not_finite_are_wrong():
    for value in (np.full(right()["mu1"].shape, np.nan), right()["mu1"][:, :-1]):
        found = {**right(), "mu1": value}
        verdicts = judge_states("a plain training", right(), found)
        assert [v.name for v in verdicts if v.verdict == "disagree"] == ["mu1"]


def test_a_cause_stands_before_what_follows_from_it_in_the_same_update():
    found = {name: value.copy() for name, value in right().items()}
    for name in ("W1", "mu2", "b3"):
        found[name][3:] += 0.5
    verdicts = judge_states("a plain training", right(), found)
    assert first_wrong(verdicts, found, right()) == ("mu2", 4)


def test_the_schedule_is_the_recipe_s():
    plain = SimpleNamespace(learner=PlainLearner, learning_rates=right_schedule("cyclical"))
    found = course(plain)
    recipe, _, _, _ = setting()
    rates = found["learning rate"]
    assert rates[HALF_CYCLE - 1] == pytest.approx(recipe.eta_max)
    assert rates[2 * HALF_CYCLE - 1] == pytest.approx(recipe.eta_min)


def test_a_beta_off_by_a_billionth_is_not_what_is_predicted():
    right = states_with(())
    off = right | {"beta1": right["beta1"] * (1 + 1e-9)}
    assert residual(off, right, zeros_of("sgd")) == pytest.approx(
        1e-9, rel=1e-3
    )  # of the tensor, not of 1
    off = right | {"b3": right["b3"] * (1 + 1e-9)}
    assert residual(off, right, zeros_of("sgd")) == pytest.approx(1e-9, rel=1e-3)
