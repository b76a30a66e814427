"""Every network of a stack against its own training."""

import dataclasses

import numpy as np
import pytest

import manual_impl
import torch_impl
from tests.mixtures import IMAGES, MIXTURES, SLICES, name_of, recipes_of
from tests.support import (
    assert_same_states,
    bits,
    epoch_inputs,
    learner,
    random_parameters,
    rows,
    small_dataset,
    small_recipe,
)
from torch_impl import first_layer
from twingrad.errors import DivergedError, UserError
from twingrad.layers import NORMALIZATIONS
from twingrad.recipe import OPTIMIZERS
from twingrad.stacks import stack_inputs
from twingrad.training import Diverged


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """So that a few networks with minibatches of their own make more than one stack."""
    monkeypatch.setattr("torch_impl.training.UNSHARED_STACK", 2)


def trained(implementation, recipes, networks):
    """A learner after 20 epochs of the inputs of these recipes, and its costs."""
    network, plans = recipes[0].network(48, 10), [one.plan(200) for one in recipes]
    made = learner(implementation, [recipes[i] for i in networks], IMAGES)
    inputs = [
        stack_inputs([recipes[i] for i in networks], network, epoch, [plans[i] for i in networks])
        for epoch in range(20)
    ]
    return made, np.concatenate([made.run_epoch(one) for one in inputs], axis=1)


@pytest.mark.slow
@pytest.mark.parametrize("mixture", MIXTURES, ids=name_of)
def test_every_network_of_a_stack_equals_its_own_training(mixture):
    recipes = recipes_of(**mixture)
    stack, costs = trained(torch_impl, recipes, range(3))
    assert costs.shape == (3, 200)
    evaluations = stack.evaluate("validation")
    for i in range(3):
        alone, [expected] = trained(torch_impl, recipes, [i])
        np.testing.assert_allclose(costs[i], expected, rtol=SLICES)
        assert_same_states(stack.state()[i], alone.state()[0], SLICES)
        [own] = alone.evaluate("validation")
        assert evaluations[i].cost == pytest.approx(own.cost, rel=SLICES)
        assert evaluations[i].accuracy == own.accuracy
    assert np.ptp(costs[:, -1]) > 1e-3  # they are not all the same


@pytest.mark.parametrize("mixture", MIXTURES[::3], ids=name_of)
def test_a_stack_trains_as_the_one_by_hand(mixture):
    recipes = recipes_of(**mixture)
    stack, costs = trained(torch_impl, recipes, range(3))
    twin, expected = trained(manual_impl, recipes, range(3))
    np.testing.assert_allclose(costs, expected, rtol=SLICES)
    for found, state in zip(stack.state(), twin.state(), strict=True):
        assert list(found) == list(state)
        assert_same_states(found, state, SLICES)


ORDER = rows(*range(10))
RATES = np.full((5, 10), 0.1)


def stack(**changes):
    """Five networks that share their minibatches, and their learner."""
    recipes = [
        small_recipe(dtype="float64", seed=seed, order_seed=1, penalty=0.01 * seed, **changes)
        for seed in range(5)
    ]
    starts = [random_parameters(recipes[0].network(24, 10), seed) for seed in range(5)]
    return learner(torch_impl, recipes, small_dataset("float64"), starts)


def own_minibatches():
    """Five networks with minibatches of their own."""
    recipes = [small_recipe(dtype="float64", seed=seed) for seed in range(5)]
    return learner(torch_impl, recipes, small_dataset("float64"))


def break_network(group, i):
    """Makes its next cost NaN."""
    states = group.state()
    states[i]["W1"][:] = np.nan
    group.restore(states)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_diverged_network_changes_no_bit_of_the_others(optimizer):
    broken, calm = stack(optimizer=optimizer), stack(optimizer=optimizer)
    break_network(broken, 1)
    costs = broken.run_epoch(epoch_inputs(ORDER, 0.1 * RATES))
    calm.run_epoch(epoch_inputs(ORDER, 0.1 * RATES))
    assert broken.diverged.tolist() == [False, True, False, False, False]
    assert np.isfinite(costs).all(axis=1).tolist() == [True, False, True, True, True]
    for i in (0, 2, 3, 4):
        assert bits(broken.state()[i]) == bits(calm.state()[i])


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("own", [False, True])
def test_a_network_freezes_before_its_first_cost_that_is_not_finite(normalization, own):
    dataset = small_dataset("float64")
    recipes = [
        small_recipe(
            dtype="float64",
            seed=seed if own else 3,
            initialization="0.1",
            normalization=normalization,
            penalty=0.01 * seed,
        )
        for seed in range(5)
    ]
    network, plans = recipes[0].network(24, 10), [one.plan(500) for one in recipes]
    group = learner(torch_impl, recipes, dataset)
    inputs = stack_inputs(recipes, network, 0, plans)
    inputs.learning_rates[3, 6:] = 1e300
    costs = group.run_epoch(inputs)
    assert np.isfinite(costs[3]).tolist() == [True] * 7 + [False] * 3
    assert group.diverged.tolist() == [False, False, False, True, False]
    alone = learner(torch_impl, recipes[3], dataset)
    own_inputs = recipes[3].inputs(network, 0, plans[3])
    alone.run_epoch(
        dataclasses.replace(
            own_inputs, order=own_inputs.order[:7], learning_rates=inputs.learning_rates[3:4, :7]
        )
    )
    frozen, expected = group.state()[3], alone.state()[0]
    # the last update, of 1e300, adds the rounding of small gradients at that size
    size = max(np.abs(expected[name]).max() for name in network.parameter_shapes)
    for name in [*network.parameter_shapes, *network.statistic_shapes]:
        scale = size if name in network.parameter_shapes else 1.0
        np.testing.assert_allclose(frozen[name], expected[name], atol=SLICES * scale, rtol=SLICES)


@pytest.mark.parametrize("make", [stack, own_minibatches])
def test_a_network_marked_by_the_caller_stays_where_it_is(make):
    group = make()
    group.run_epoch(epoch_inputs(*inputs_of(make)))
    before = group.state()
    group.diverged[3] = True
    costs = group.run_epoch(epoch_inputs(*inputs_of(make)))
    after = group.state()
    assert np.isnan(costs[3]).all()
    assert np.isnan(group.evaluate("test")[3].cost)
    names = small_recipe().network(24, 10).parameter_shapes
    stayed = [all(np.array_equal(after[i][n], before[i][n]) for n in names) for i in range(5)]
    assert stayed == [False] * 3 + [True, False]


def inputs_of(make):
    """Order and rates of an epoch of that stack."""
    return (ORDER if make is stack else np.stack([ORDER] * 5)), RATES


def test_a_restored_stack_continues_bit_for_bit():
    whole, other = stack(), stack()
    whole.run_epoch(epoch_inputs(ORDER, RATES))
    other.restore(whole.state())
    for each in (whole, other):
        each.run_epoch(epoch_inputs(ORDER[::-1], RATES))
    assert [bits(s) for s in other.state()] == [bits(s) for s in whole.state()]
    assert other.evaluate("test") == whole.evaluate("test")


def test_restoring_clears_the_marks():
    group = stack()
    before = group.state()
    break_network(group, 1)
    group.run_epoch(epoch_inputs(ORDER, RATES))
    assert group.diverged.tolist() == [False, True, False, False, False]
    group.restore(before)
    costs = group.run_epoch(epoch_inputs(ORDER, RATES))
    assert not group.diverged.any()
    assert np.isfinite(costs).all()


def test_a_state_is_a_copy():
    group = stack()
    group.run_epoch(epoch_inputs(ORDER, RATES))
    states = group.state()
    before = [bits(state) for state in states]
    group.run_epoch(epoch_inputs(ORDER, RATES))
    assert [bits(state) for state in states] == before


def test_there_are_no_statistics_before_the_first_update():
    names = [*small_recipe().network(24, 10).parameter_shapes, "updates"]
    assert [list(state) for state in stack().state()] == [names] * 5


@pytest.mark.parametrize("order_seed", [None, 7])
def test_trained_together_as_trained_alone(order_seed):
    recipes = [
        small_recipe(
            dtype="float64",
            seed=seed,
            order_seed=order_seed,
            penalty=0.01 * seed,
            epochs=8,
            precise_statistics=True,
        )
        for seed in range(4)
    ]
    # eta 3 and lambda 30 multiply W by -179 at every update
    recipes[2] = dataclasses.replace(recipes[2], penalty=30.0, eta_min=3.0, eta_max=3.0)
    together = torch_impl.train_stacked(recipes, small_dataset("float64"))
    assert isinstance(together[2], Diverged)
    with pytest.raises(DivergedError) as alone_diverges:
        torch_impl.train(recipes[2], small_dataset("float64"))
    assert together[2].update == alone_diverges.value.update == 69
    for i in (0, 1, 3):
        alone = torch_impl.train(recipes[i], small_dataset("float64"))
        run = together[i]
        assert_same_states(
            run.parameters | run.statistics, alone.parameters | alone.statistics, SLICES
        )
        assert run.final["test"].loss == pytest.approx(alone.final["test"].loss, rel=SLICES)


def test_recipes_of_two_batch_sizes_are_refused():
    with pytest.raises(UserError, match="batch_size"):
        torch_impl.train_stacked([small_recipe(), small_recipe(batch_size=20)], small_dataset())


def test_enough_networks_are_moved_in_blocks(monkeypatch):
    monkeypatch.setattr(first_layer, "LENGTHS", {"cpu": {5: 2}})
    ended = []
    original = first_layer.Blocks.end
    monkeypatch.setattr(first_layer.Blocks, "end", lambda self: (ended.append(1), original(self)))
    stack().run_epoch(epoch_inputs(ORDER, RATES))
    assert len(ended) == 5
