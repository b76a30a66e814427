"""The first layer in blocks of updates against one update after another."""

import dataclasses

import numpy as np
import pytest
import torch

import torch_impl
from tests.support import assert_same_states, bits, learner, small_dataset, small_recipe
from torch_impl import first_layer
from twingrad.recipe import Recipe
from twingrad.stacks import stack_inputs

WITHIN = 1e-9
"""After 200 updates in float64, of a tensor's size or of 1: as the issue has it."""

NETWORKS, EPOCHS = 5, 19
DATA = small_dataset("float64", samples=220)

in_blocks = pytest.mark.parametrize("K", [2, 4, 5])


@pytest.fixture
def block_of(monkeypatch):
    """Makes learners take blocks of K updates, or none where K is 1."""
    return lambda K: monkeypatch.setattr("torch_impl.stack.block_length", lambda *args: K)


def stack_of(kind=Recipe, **changes):
    """Recipes that share their minibatches: epochs of 11 updates."""
    settings = {"hidden": (5, 4), "dtype": "float64", "batch_size": 20, "epochs": EPOCHS} | changes
    return [
        dataclasses.replace(
            kind(**dataclasses.asdict(small_recipe(**settings))),
            penalty=penalty,
            eta_max=0.03 + 0.01 * i,
            half_cycle=40,
        )
        for i, penalty in enumerate((0.0, 1e-3, 0.05, 0.3, 1e-4))
    ]


def run(recipes, epochs=EPOCHS, change=None, **options):
    """A learner after its epochs, and the costs of all updates."""
    network, plans = recipes[0].network(24, 10), [one.plan(220) for one in recipes]
    group = torch_impl.TorchLearner(
        recipes, network, DATA, learner(torch_impl, recipes, DATA).state(), **options
    )
    costs = []
    for epoch in range(epochs):
        inputs = stack_inputs(recipes, network, epoch, plans)
        if change is not None:
            change(epoch, inputs.learning_rates)
        costs.append(group.run_epoch(inputs))
    return group, np.concatenate(costs, axis=1)


class Faulty(Recipe):
    unpenalised = ("W1",)


@in_blocks
@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (Recipe, {"normalization": "none", "activation": "leaky_relu"}),
        (Recipe, {"normalization": "batch", "dropout": 0.2}),
        (Recipe, {"normalization": "batch-after", "decoupled": True}),
        (Faulty, {"normalization": "layer", "smoothing": 0.1}),
    ],
    ids=["none", "batch", "batch-after decoupled", "layer unpenalised"],
)
def test_200_updates_in_blocks_equal_200_updates_one_by_one(block_of, kind, changes, K):
    recipes = stack_of(kind, **changes)
    block_of(1)
    plain, expected = run(recipes)
    block_of(K)
    group, costs = run(recipes)
    assert costs.shape == (NETWORKS, 11 * EPOCHS)
    np.testing.assert_allclose(costs, expected, rtol=WITHIN)
    for found, state in zip(group.state(), plain.state(), strict=True):
        assert_same_states(found, state, WITHIN)


@in_blocks
@pytest.mark.parametrize("update", [1, 2, 3, 4, 5, 10])
def test_a_network_that_diverges_within_a_block_is_frozen_as_it_was(block_of, update, K):
    recipes = stack_of(initialization="0.1")

    def explode(epoch, rates):
        if epoch == 1:
            rates[0, update - 1] = 1e300  # with a penalty this would not be done in blocks

    block_of(1)
    plain, expected = run(recipes, epochs=2, change=explode)
    block_of(K)
    group, costs = run(recipes, epochs=2, change=explode)
    calm, calm_costs = run(recipes, epochs=2)
    assert np.isfinite(expected[0]).tolist() == [True] * (11 + update) + [False] * (11 - update)
    assert (np.isfinite(costs) == np.isfinite(expected)).all()
    assert group.diverged.tolist() == [True, False, False, False, False]
    found, state = group.state()[0], plain.state()[0]
    # the last update, of 1e300, adds the rounding of small gradients at that size
    names = recipes[0].network(24, 10).parameter_shapes
    size = max(np.abs(state[name]).max() for name in names)
    for name in names:
        np.testing.assert_allclose(found[name], state[name], rtol=0, atol=WITHIN * size)
    for i in (1, 2, 3, 4):
        assert costs[i].tobytes() == calm_costs[i].tobytes()
        assert bits(group.state()[i]) == bits(calm.state()[i])


def test_a_network_marked_by_the_caller_stays_where_it_is(block_of):
    block_of(4)
    group, _ = run(stack_of(), epochs=1)
    before = group.state()[3]
    group.diverged[3] = True
    recipes = stack_of()
    plans = [one.plan(220) for one in recipes]
    group.run_epoch(stack_inputs(recipes, group.network, 1, plans))
    names = group.network.parameter_shapes
    assert all(group.state()[3][name].tobytes() == before[name].tobytes() for name in names)


def length(networks=64, penalty=0.005, eta=0.1, updates=3, device="cpu", **changes):
    rates = np.full((updates, networks), eta)
    penalties = np.full(networks, penalty)
    return first_layer.block_length(small_recipe(**changes), penalties, rates, torch.device(device))


def test_blocks_are_for_many_networks_by_plain_descent():
    assert length() == 4
    assert length(device="cuda") == 5
    assert [length(networks=n) for n in (63, 32, 31, 1)] == [2, 2, 1, 1]
    assert [length(networks=n, device="cuda") for n in (8, 7)] == [5, 1]
    for optimizer in ("momentum", "nesterov", "adam"):
        assert length(optimizer=optimizer) == 1
    assert length(hidden=()) == 1


def test_blocks_end_where_the_decay_would_take_W1_near_0_or_through_it():
    assert length(penalty=4.0) == 4  # 1 - 0.8
    assert length(penalty=4.0, updates=20) == 1  # 0.2^20
    assert length(penalty=4.99) == 1
    assert length(penalty=30.0) == 1
    assert length(penalty=np.nan) == 1
