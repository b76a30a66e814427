import dataclasses
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

import manual_impl
import torch_impl
from compare.twins.lockstep import lockstep
from twingrad.dataset import Dataset, Split
from twingrad.recipe import Recipe

RECIPE = Recipe(hidden=(9, 8), batch_size=20, half_cycle=60, cycles=2)


@pytest.fixture(scope="module")
def dataset():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 12)).astype(np.float32)
    split = Split(X, rng.integers(10, size=400))
    return Dataset(split, split, split, 10, identity={})


@pytest.mark.parametrize(
    "change",
    [
        {"normalization": "batch"},
        {"normalization": "none"},
        {"normalization": "batch-after", "dropout": 0.3, "optimizer": "adam", "eta_max": 1e-3},
        {"normalization": "layer", "activation": "leaky_relu", "optimizer": "nesterov"},
        {"normalization": "batch", "smoothing": 0.1, "flip": True, "shift": 1, "jitter": 0.1},
    ],
    ids=lambda change: " ".join(map(str, change.values())),
)
def test_both_implementations_stay_together(dataset, change):
    recipe = dataclasses.replace(RECIPE, **change)
    seen = []
    watched = partial(map, lambda t: seen.append(t) or t)
    result = lockstep(recipe, dataset, manual_impl, torch_impl, updates=240, watched=watched)
    assert seen == list(range(240))
    assert result.verdict == "agree"
    assert result.parted_at is None
    assert len(result.worst) == 240
    assert 0 < max(result.worst) < 1e-9


def learner_with(change):
    class Faulty(manual_impl.ManualLearner):
        def run_epoch(self, inputs):
            costs = super().run_epoch(inputs)
            change(self)
            return costs

    return SimpleNamespace(learner=Faulty)


def test_a_fault_of_state_is_found_at_its_update(dataset):
    def unbiased_once(learner):
        if learner.updates == 7:
            learner.statistics["v2"] *= 20 / 19

    result = lockstep(RECIPE, dataset, learner_with(unbiased_once), torch_impl, updates=50)
    assert result.verdict == "disagree"
    assert (result.parted_at, result.parted_tensor) == (7, "v2")


def test_parting_after_the_judged_updates_is_reported_but_not_held_against_them(dataset):
    def nudge(learner):
        if learner.updates == 30:
            learner.parameters["W1"][0, 0, 0] += 1e-6

    result = lockstep(RECIPE, dataset, learner_with(nudge), torch_impl, judged=20, updates=40)
    assert (result.verdict, result.parted_at, result.parted_tensor) == ("agree", 30, "W1")
