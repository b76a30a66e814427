"""Every network of a stack against its own training."""

import dataclasses

import numpy as np
import pytest

import manual_impl
from manual_impl import training
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
from twingrad.errors import DivergedError, UserError
from twingrad.layers import NORMALIZATIONS
from twingrad.recipe import OPTIMIZERS
from twingrad.stacks import stack_inputs
from twingrad.training import Diverged


@pytest.fixture(autouse=True)
def small_groups(monkeypatch):
    """So that a few networks make more than one group."""
    monkeypatch.setattr(training, "GROUP", 2)


def test_every_option_is_in_a_mixture():
    for name in ("dropout", "smoothing", "flip", "shift", "jitter", "decoupled"):
        for own in (False, True):
            assert any(one[name] for one in MIXTURES if one["own"] == own), name


@pytest.mark.parametrize("mixture", MIXTURES, ids=name_of)
def test_every_network_of_a_stack_equals_its_own_training(mixture):
    recipes = recipes_of(**mixture)
    network, plans = recipes[0].network(48, 10), [one.plan(200) for one in recipes]
    stack = learner(manual_impl, recipes, IMAGES)
    inputs = [stack_inputs(recipes, network, epoch, plans) for epoch in range(20)]
    assert {one.shared for one in inputs} == {not mixture["own"]}
    costs = np.concatenate([stack.run_epoch(one) for one in inputs], axis=1)
    assert costs.shape == (len(recipes), 200)
    evaluations = stack.evaluate("validation")
    for i, recipe in enumerate(recipes):
        alone = learner(manual_impl, recipe, IMAGES)
        [expected] = np.concatenate(
            [alone.run_epoch(recipe.inputs(network, epoch, plans[i])) for epoch in range(20)],
            axis=1,
        )
        np.testing.assert_allclose(costs[i], expected, rtol=SLICES)
        assert_same_states(stack.state()[i], alone.state()[0], SLICES)
        [own] = alone.evaluate("validation")
        assert evaluations[i].cost == pytest.approx(own.cost, rel=SLICES)
        assert evaluations[i].accuracy == own.accuracy
    assert np.ptp(costs[:, -1]) > 1e-3  # they are not all the same


ORDER = rows(*range(10))
RATES = np.full((5, 10), 0.1)


def stack(**changes):
    """Five networks that share their minibatches, and their learner."""
    recipes = [
        small_recipe(dtype="float64", seed=seed, order_seed=1, penalty=0.01 * seed, **changes)
        for seed in range(5)
    ]
    starts = [random_parameters(recipes[0].network(24, 10), seed) for seed in range(5)]
    return learner(manual_impl, recipes, small_dataset("float64"), starts)


def own_minibatches():
    """Five networks with minibatches of their own."""
    recipes = [small_recipe(dtype="float64", seed=seed) for seed in range(5)]
    return learner(manual_impl, recipes, small_dataset("float64"))


def test_a_diverged_network_changes_no_bit_of_the_others():
    broken, calm = stack(), stack()
    broken.parameters["W1"][1] = np.nan
    costs = broken.run_epoch(epoch_inputs(ORDER, RATES))
    calm.run_epoch(epoch_inputs(ORDER, RATES))
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
    group, calm = (learner(manual_impl, recipes, dataset) for _ in range(2))
    inputs = stack_inputs(recipes, network, 0, plans)
    calm.run_epoch(inputs)
    inputs.learning_rates[3, 6:] = 1e300  # and at once: a slow explosion amplifies roundings
    costs = group.run_epoch(inputs)
    assert np.isfinite(costs[3]).tolist() == [True] * 7 + [False] * 3
    assert group.diverged.tolist() == [False, False, False, True, False]
    alone = learner(manual_impl, recipes[3], dataset)
    own_inputs = recipes[3].inputs(network, 0, plans[3])
    alone.run_epoch(
        dataclasses.replace(
            own_inputs, order=own_inputs.order[:7], learning_rates=inputs.learning_rates[3:4, :7]
        )
    )
    frozen, expected = group.state()[3], alone.state()[0]
    # the last update, of 1e300, adds the rounding of small gradients at that size
    size = max(np.abs(expected[name]).max() for name in network.parameter_shapes)
    assert frozen.keys() == expected.keys()
    for name, value in expected.items():
        scale = size if name in network.parameter_shapes else 1.0
        np.testing.assert_allclose(frozen[name], value, atol=SLICES * scale, rtol=SLICES)
    for i in (0, 1, 2, 4):
        assert bits(group.state()[i]) == bits(calm.state()[i])


def test_a_frozen_network_stays_frozen_in_the_epochs_that_follow():
    group = stack()
    group.parameters["W1"][1] = np.nan
    group.run_epoch(epoch_inputs(ORDER, RATES))
    before = group.state()
    costs = group.run_epoch(epoch_inputs(ORDER, RATES))
    assert np.isnan(costs[1]).all()
    assert bits(group.state()[1]) == bits(before[1])
    assert np.isnan(group.evaluate("test")[1].cost)
    assert [found.finite for found in group.evaluate("test")] == [True, False, True, True, True]


@pytest.mark.parametrize("make", [stack, own_minibatches])
def test_a_network_marked_by_the_caller_stays_where_it_is(make):
    group = make()
    group.run_epoch(epoch_inputs(ORDER, RATES))
    before = group.state()
    group.diverged[3] = True
    assert bits(group.state()[3]) == bits(before[3])
    costs = group.run_epoch(epoch_inputs(ORDER, RATES))
    after = group.state()
    assert np.isnan(costs[3]).all()
    assert [bits(after[i]) == bits(before[i]) for i in range(5)] == [False] * 3 + [True, False]


def test_a_network_marked_by_the_caller_stays_so_when_another_diverges():
    group = stack()
    group.diverged[3] = True
    group.parameters["W1"][4] = np.nan  # of the same group
    costs = group.run_epoch(epoch_inputs(ORDER, RATES))
    assert group.diverged.tolist() == [False, False, False, True, True]
    assert np.isnan(costs[3]).all()


def test_an_epoch_ends_early_where_all_of_a_group_have_diverged():
    group = stack()
    group.parameters["W1"][:] = np.nan
    costs = group.run_epoch(epoch_inputs(ORDER, RATES))
    assert group.diverged.all()
    assert np.isnan(costs).all()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_a_restored_stack_continues_bit_for_bit(normalization, optimizer):
    whole, other = (stack(normalization=normalization, optimizer=optimizer) for _ in range(2))
    rates = 0.1 * RATES
    whole.run_epoch(epoch_inputs(ORDER, rates))
    other.restore(whole.state())
    for each in (whole, other):
        each.run_epoch(epoch_inputs(ORDER[::-1], rates))
    assert [bits(s) for s in other.state()] == [bits(s) for s in whole.state()]
    assert other.evaluate("test") == whole.evaluate("test")


def test_a_stack_restored_with_a_diverged_network_leaves_it_where_it_was():
    group, other = stack(), stack()
    group.parameters["W1"][1] = np.nan
    group.run_epoch(epoch_inputs(ORDER, RATES))
    other.restore(group.state())
    assert not other.diverged.any()
    other.diverged[1] = True
    for each in (group, other):
        each.run_epoch(epoch_inputs(ORDER, RATES))
    for i, (found, expected) in enumerate(zip(other.state(), group.state(), strict=True)):
        names = small_recipe().network(24, 10).parameter_shapes if i == 1 else expected
        assert [found[name].tobytes() for name in names] == [
            expected[name].tobytes() for name in names
        ]


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


def test_float32_stacks_stay_float32_near_float64():
    ends = []
    for dtype in ("float32", "float64"):
        recipes = [small_recipe(dtype=dtype, penalty=0.01 * i) for i in range(5)]
        group = learner(manual_impl, recipes, small_dataset())
        group.run_epoch(epoch_inputs(ORDER, 0.5 * RATES))
        ends.append(group.state())
    for narrow, wide in zip(*ends, strict=True):
        for name in recipes[0].network(24, 10).parameter_shapes:
            assert narrow[name].dtype == np.float32
            # some 30 roundings of float32
            atol = 5e-6 * max(1.0, np.abs(wide[name]).max())
            np.testing.assert_allclose(narrow[name], wide[name], atol=atol, rtol=0)


@pytest.mark.parametrize("order_seed", [None, 7])
def test_trained_together_as_trained_alone(order_seed):
    recipes = [
        small_recipe(
            dtype="float64", seed=seed, order_seed=order_seed, penalty=0.01 * seed, epochs=8
        )
        for seed in range(4)
    ]
    # eta 3 and lambda 30 multiply W by -179 at every update: W^2 overflows after about 68
    exploding = {"penalty": 30.0, "eta_min": 3.0, "eta_max": 3.0}
    recipes[2] = dataclasses.replace(recipes[2], **exploding)
    dataset = small_dataset("float64")
    together = manual_impl.train_stacked(recipes, dataset)
    gone = together.pop(2)
    with pytest.raises(DivergedError) as alone:
        manual_impl.train(recipes.pop(2), dataset)
    assert isinstance(gone, Diverged)
    assert (gone.update, gone.learning_rate) == (alone.value.update, alone.value.learning_rate)
    assert 60 < gone.update <= 70
    assert [epoch.update for epoch in gone.history] == [10, 20, 30, 40, 50, 60]
    for run, recipe in zip(together, recipes, strict=True):
        alone = manual_impl.train(recipe, dataset)
        assert run.recipe == recipe
        for one, other in zip(run.history, alone.history, strict=True):
            assert one.learning_rates == other.learning_rates
            assert one.validation.cost == pytest.approx(other.validation.cost, rel=SLICES)
        assert run.final["test"].loss == pytest.approx(alone.final["test"].loss, rel=SLICES)


def test_recipes_of_two_batch_sizes_are_refused():
    recipes = [small_recipe(), small_recipe(batch_size=20)]
    with pytest.raises(UserError, match="batch_size"):
        manual_impl.train_stacked(recipes, small_dataset())
