"""Mistakes of optimisers, decay, statistics and schedules, planted by code of their own."""

import math

import numpy as np
import pytest
import torch

import manual_impl
from compare.diagnosis.catalogue.trained_states import STATE_FAULTS
from compare.diagnosis.state_diagnosis import examine_states, faults_in, states_with
from compare.diagnosis.states import (
    SETTINGS,
    STATE_TOLERANCE,
    UPDATES,
    course,
    judge_states,
    recipe_of,
)
from tests.compare.diagnosis.planted_training import (
    Trainer,
    adam,
    momentum,
    nesterov,
    new_statistic,
    sgd,
    torch_step,
)


def examined(found, setting):
    verdicts = judge_states("a plain training", states_with((), setting), found, setting)
    return examine_states(found, verdicts, setting)


OPTIMIZERS = ("sgd", "momentum", "nesterov", "adam", "adamw")

TORCH = {
    "sgd": lambda values, decay, recipe: torch.optim.SGD(values, 1.0, weight_decay=decay),
    "momentum": lambda values, decay, recipe: torch.optim.SGD(
        values, 1.0, recipe.momentum, weight_decay=decay
    ),
    "nesterov": lambda values, decay, recipe: torch.optim.SGD(
        values, 1.0, recipe.momentum, weight_decay=decay, nesterov=True
    ),
    "adam": lambda values, decay, recipe: torch.optim.Adam(
        values, 1.0, (recipe.beta1, recipe.beta2), recipe.adam_eps, weight_decay=decay
    ),
    "adamw": lambda values, decay, recipe: torch.optim.AdamW(
        values, 1.0, (recipe.beta1, recipe.beta2), recipe.adam_eps, weight_decay=decay
    ),
}
BY_HAND = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adam": adam(),
    "adamw": adam(),
}


@pytest.mark.parametrize("setting", OPTIMIZERS)
@pytest.mark.parametrize("side", ["manual_impl", "torch.optim", "by hand"])
def test_a_right_optimizer_raises_nothing(side, setting):
    if side == "manual_impl":
        found = course(manual_impl, setting)
    else:
        step = torch_step(TORCH[setting]) if side == "torch.optim" else BY_HAND[setting]
        found = course(Trainer(step), setting)
    assert examined(found, setting) is None
    right = states_with((), setting)
    for name in ("W1", "W2", "W3", "b3"):
        size = np.abs(right[name]).max()
        np.testing.assert_allclose(found[name], right[name], rtol=0, atol=STATE_TOLERANCE * size)
        assert np.abs(right[name][-1] - right[name][0]).max() > 0.01  # it has moved


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_fault_is_told_from_all_others_wherever_it_can_be_made(setting):
    for fault in faults_in(setting):
        examination = examined(states_with((fault,), setting), setting)
        assert [match.faults for match in examination.matches] == [(fault,)], fault.name
        assert examination.tensor.startswith(fault.tensor), fault.name
        runner_up = examination.matches[0].runner_up
        assert runner_up is None or runner_up > 10 * STATE_TOLERANCE, fault.name


def test_every_fault_can_be_made_somewhere():
    recipes = [recipe_of(setting) for setting in SETTINGS]
    assert [f.name for f in STATE_FAULTS if not any(f.where(recipe) for recipe in recipes)] == []


def reset(w, g, decay, eta, t, memory, recipe):
    return momentum(w, g, decay, eta, t, {}, recipe)


def reset_nesterov(w, g, decay, eta, t, memory, recipe):
    return nesterov(w, g, decay, eta, t, {}, recipe)


def wrong_sign(w, g, decay, eta, t, memory, recipe):
    memory["u"] = g + decay - recipe.momentum * memory.get("u", 0)
    return w - eta * memory["u"]


def rate_twice(w, g, decay, eta, t, memory, recipe):
    memory["u"] = eta * (g + decay) + recipe.momentum * memory.get("u", 0)
    return w - eta * memory["u"]


def rate_inside(w, g, decay, eta, t, memory, recipe):
    memory["u"] = recipe.momentum * memory.get("u", 0) - eta * (g + decay)
    return w + memory["u"]


def damped(w, g, decay, eta, t, memory, recipe):
    rho = recipe.momentum
    memory["u"] = rho * memory.get("u", 0) + (1 - rho) * (g + decay)
    return w - eta * memory["u"]


def too_late(w, g, decay, eta, t, memory, recipe):
    moved = w - eta * memory.get("u", 0)
    memory["u"] = recipe.momentum * memory.get("u", 0) + g + decay
    return moved


def gradient_twice(w, g, decay, eta, t, memory, recipe):
    u = memory["u"] = recipe.momentum * memory.get("u", 0) + g + decay
    return w - eta * (u + recipe.momentum * u)


def momentum_and_decay(w, g, decay, eta, t, memory, recipe):
    return momentum(w - eta * decay, g, decay, eta, t, memory, recipe)


def unasked(w, g, decay, eta, t, memory, recipe):
    u = memory["u"] = 0.9 * memory.get("u", 0) + g + decay
    return w - eta * u


def uphill(w, g, decay, eta, t, memory, recipe):
    return w + eta * (g + decay)


def doubled(w, g, decay, eta, t, memory, recipe):
    return w - eta * (g + decay) - eta * decay


def of_a_sum(w, g, decay, eta, t, memory, recipe):
    return w - eta * recipe.batch_size * (g + decay)


def undecayed(w, g, decay, eta, t, memory, recipe):
    return w - eta * g


def exchanged(recipe):
    return recipe.beta2, recipe.beta1


def uncorrected(beta, t):
    return 1


def of_the_update_before(rates):
    return rates[max(0, len(rates) - 2)]


PLANTED = [
    ("sgd", "momentum", Trainer(unasked)),
    ("sgd", "ascent", Trainer(uphill)),
    ("sgd", "penalty twice", Trainer(doubled)),
    ("sgd", "weight decay missing", Trainer(undecayed)),
    ("sgd", "weight decay on all", Trainer(decays=lambda name: True)),
    ("sgd", "gradient summed in the update", Trainer(of_a_sum)),
    ("sgd", "learning rate of the update before", Trainer(rate=of_the_update_before)),
    ("cosine", "learning rate of the update before", Trainer(rate=of_the_update_before)),
    ("step", "learning rate of the update before", Trainer(rate=of_the_update_before)),
    ("momentum", "velocity reset at each update", Trainer(reset)),
    ("nesterov", "velocity reset at each update", Trainer(reset_nesterov)),
    ("nesterov", "plain gradient descent", Trainer(sgd)),
    ("momentum", "sign of the momentum", Trainer(wrong_sign)),
    ("momentum", "learning rate applied twice", Trainer(rate_twice)),
    ("momentum", "learning rate in the velocity", Trainer(rate_inside)),
    ("momentum", "velocity damped", Trainer(damped)),
    ("momentum", "velocity of the update before", Trainer(too_late)),
    ("momentum", "Nesterov for plain momentum", Trainer(nesterov)),
    ("nesterov", "Nesterov without the look-ahead", Trainer(momentum)),
    ("nesterov", "gradient twice in the look-ahead", Trainer(gradient_twice)),
    ("momentum", "weight decay twice", Trainer(momentum_and_decay)),
    (
        "momentum",
        "weight decay on biases",
        Trainer(momentum, decays=lambda n: n[:2] != "be" and n[0] in "Wb"),
    ),
    ("adam", "Adam without bias correction", Trainer(adam(one=uncorrected, two=uncorrected))),
    ("adam", "first moment not corrected", Trainer(adam(one=uncorrected))),
    ("adam", "second moment not corrected", Trainer(adam(two=uncorrected))),
    ("adam", "roles of Adam's betas exchanged", Trainer(adam(betas=exchanged))),
    (
        "adam",
        "Adam's eps inside the root",
        Trainer(adam(divisor=lambda r, c, e: np.sqrt(r / c + e))),
    ),
    (
        "adam",
        "Adam's eps before the bias correction",
        Trainer(adam(divisor=lambda r, c, e: (np.sqrt(r) + e) / np.sqrt(c))),
    ),
    ("adam", "root of the second moment missing", Trainer(adam(divisor=lambda r, c, e: r / c + e))),
    (
        "adam",
        "Adam's t counted from 0",
        Trainer(adam(one=lambda b, t: 1 - b ** (t - 1), two=lambda b, t: 1 - b ** (t - 1))),
    ),
    (
        "adam",
        "Adam's t counted from 2",
        Trainer(adam(one=lambda b, t: 1 - b ** (t + 1), two=lambda b, t: 1 - b ** (t + 1))),
    ),
    ("adam", "Adam's t not counted", Trainer(adam(one=lambda b, t: 1 - b, two=lambda b, t: 1 - b))),
    ("adam", "second moment without the square", Trainer(adam(power=lambda G: G))),
    ("adam", "plain gradient descent", Trainer(sgd)),
    ("adam", "weight decay twice", Trainer(adam(before=lambda w, d, eta, R: w - eta * d))),
    ("adamw", "weight decay twice", Trainer(adam(gradient=lambda g, d, R: g + d))),
    ("adam", "weight decay missing", Trainer(adam(gradient=lambda g, d, R: g))),
    (
        "adam",
        "weight decay lambda for 2 lambda",
        Trainer(adam(gradient=lambda g, d, R: g + d / 2)),
    ),
    (
        "adamw",
        "weight decay lambda for 2 lambda",
        Trainer(adam(before=lambda w, d, eta, R: w - eta * d / 2)),
    ),
    ("adam", "weight decay on biases", Trainer(adam(), decays=lambda name: True)),
    ("adamw", "weight decay on biases", Trainer(adam(), decays=lambda name: True)),
    (
        "adam",
        "decay decoupled",
        Trainer(adam(gradient=lambda g, d, R: g, before=lambda w, d, eta, R: w - eta * d)),
    ),
    (
        "adamw",
        "decay coupled",
        Trainer(adam(gradient=lambda g, d, R: g + d, before=lambda w, d, eta, R: w)),
    ),
    (
        "adamw",
        "decoupled decay without the learning rate",
        Trainer(adam(before=lambda w, d, eta, R: w - d)),
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "name", "trainer"), PLANTED, ids=[f"{s}: {name}" for s, name, _ in PLANTED]
)
def test_a_planted_mistake_is_named(setting, name, trainer):
    examination = examined(course(trainer, setting), setting)
    assert [{fault.name for fault in match.faults} for match in examination.matches] == [{name}]
    match = examination.matches[0]
    assert match.residual < STATE_TOLERANCE
    assert match.runner_up is None or match.runner_up > 10 * STATE_TOLERANCE
    assert examination.sentences[1] == f"{match.faults[0].explanation} {match.faults[0].fix}"


def test_every_mistake_of_an_optimizer_is_planted():
    from compare.diagnosis.catalogue.optimizer_faults import OPTIMIZER_FAULTS

    assert {fault.name for fault in OPTIMIZER_FAULTS} <= {name for _, name, _ in PLANTED}


def unbiased(name, old, minibatch, n, recipe):
    return new_statistic(name, old, minibatch * (n / (n - 1) if name[0] == "v" else 1), n, recipe)


def other_alpha(name, old, minibatch, n, recipe):
    return minibatch if old is None else old + recipe.alpha * (minibatch - old)


def from_0_and_1(name, old, minibatch, n, recipe):
    start = np.ones if name[0] == "v" else np.zeros
    old = start(minibatch.shape) if old is None else old
    return new_statistic(name, old, minibatch, n, recipe)


def deviations(name, old, minibatch, n, recipe):
    return new_statistic(name, old, np.sqrt(minibatch) if name[0] == "v" else minibatch, n, recipe)


@pytest.mark.parametrize(
    ("name", "statistic", "tensor", "update"),
    [
        ("running variance unbiased", unbiased, "v1", 1),
        ("alpha and 1 - alpha exchanged", other_alpha, "mu1", 2),
        ("running statistics started at 0 and 1", from_0_and_1, "mu1", 1),
        ("standard deviation averaged", deviations, "v1", 1),
        (
            "running statistics not moved",
            lambda name, old, new, *_: new if old is None else old,
            "mu1",
            2,
        ),
        ("last minibatch for running statistics", lambda name, old, new, *_: new, "mu1", 2),
    ],
)
def test_planted_running_statistics_are_named(name, statistic, tensor, update):
    examination = examined(course(Trainer(statistic=statistic)), "sgd")
    assert [match.faults[0].name for match in examination.matches] == [name]
    assert (examination.tensor, examination.update) == (tensor, update)


def test_the_momentum_shows_after_the_second_update_and_a_decay_after_the_first():
    late = examined(course(Trainer(wrong_sign), "momentum"), "momentum")
    assert (late.tensor, late.update) == ("W1", 2)
    early = examined(course(Trainer(momentum_and_decay), "momentum"), "momentum")
    assert (early.tensor, early.update) == ("W1", 1)


def test_a_training_that_turns_to_nan_is_explained_by_where_the_nan_are():
    # entries with a negative gradient alone are lost in the first update
    trainer = Trainer(adam(power=lambda G: G))
    found = course(trainer, "adam")
    lost = np.isnan(found["W1"][0])
    assert 0 < lost.sum() < lost.size
    assert np.isnan(found["W1"][1:]).all()
    examination = examined(found, "adam")
    assert (examination.tensor, examination.update) == ("W1", 1)
    found["W1"] = np.full((UPDATES, *lost.shape), np.nan)  # all lost: another cause
    assert examined(found, "adam").matches == ()


def schedule(height):
    """A schedule of its own from (position in the cycle, n_s), update by update."""

    def rates(updates, n_s, eta_min, eta_max):
        return np.array([height(t, n_s, eta_min, eta_max) for t in range(1, updates + 1)])

    return rates


def cosine_at(t, over, eta_min, eta_max):
    return eta_min + 0.5 * (1 + math.cos(math.pi * (t % over) / over)) * (eta_max - eta_min)


def step_at(t, every, eta_min, eta_max, most=math.inf):
    eta = eta_max
    for _ in range(min(t // every, most)):
        eta *= 0.1
    return max(eta, eta_min)


SCHEDULES = [
    ("cosine", None, lambda t, n, a, b: cosine_at(t - 1, 2 * n, a, b)),
    ("step", None, lambda t, n, a, b: step_at(t - 1, 2 * n, a, b)),
    ("cosine", "cosine one update early", lambda t, n, a, b: cosine_at(t, 2 * n, a, b)),
    ("cosine", "cosine over n_s for 2 n_s", lambda t, n, a, b: cosine_at(t - 1, n, a, b)),
    ("cosine", "cosine down to 0", lambda t, n, a, b: cosine_at(t - 1, 2 * n, 0, b)),
    (
        "cosine",
        "whole cosine for half",
        lambda t, n, a, b: a + (b - a) * math.cos(math.pi * (t - 1) / n / 2) ** 2,
    ),
    ("cosine", "learning rate constant", lambda t, n, a, b: b),
    ("step", "step one update early", lambda t, n, a, b: step_at(t, 2 * n, a, b)),
    ("step", "step after n_s for 2 n_s", lambda t, n, a, b: step_at(t - 1, n, a, b)),
    ("step", "learning rate dropped once", lambda t, n, a, b: step_at(t - 1, 2 * n, a, b, 1)),
    ("step", "learning rate constant", lambda t, n, a, b: b),
]


@pytest.mark.parametrize(
    ("setting", "name", "height"), SCHEDULES, ids=[f"{s}: {name}" for s, name, _ in SCHEDULES]
)
def test_a_schedule_is_right_or_its_mistake_is_named(setting, name, height):
    trainer = Trainer()
    trainer.learning_rates = schedule(height)
    examination = examined(course(trainer, setting), setting)
    if name is None:
        assert examination is None
    else:
        assert [match.faults[0].name for match in examination.matches] == [name]
        assert examination.tensor == "learning rate"
