"""Every model of a stack against its own sequential training."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import manual_impl
from manual_impl import fast, stacked
from tests.support import bits, random_parameters, small_dataset, small_recipe
from twingrad.errors import DivergedError, UserError
from twingrad.initialization import initialize
from twingrad.stacking import Diverged

SLICES = 1e-9
"""After 200 updates in float64, of a tensor's size or of 1: as the issue has it."""

UPDATES = 200


@pytest.fixture(autouse=True)
def small_groups(monkeypatch):
    """So that a few models make more than one group, and a group more than one product."""
    monkeypatch.setattr(stacked, "GROUP", 3)
    monkeypatch.setattr(fast, "AT_ONCE", 2)


def sequential(recipe, network, dataset, parameters, order, rates):
    """The model's own learner after its updates, and its costs."""
    learner = manual_impl.learner(recipe, network, dataset, parameters)
    return learner, learner.run_epoch(order, rates)


def assert_slice(found, learner, costs, found_costs):
    """A model's state and costs equal its own training's."""
    np.testing.assert_allclose(found_costs[: len(costs)], costs, rtol=SLICES)
    assert not np.isfinite(found_costs[len(costs) :]).any()
    expected = learner.state()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        # a model may end with infinite parameters: its next cost is the first that shows them
        size = np.abs(value).max(where=np.isfinite(value), initial=1.0)
        np.testing.assert_allclose(found[name], value, atol=SLICES * size, err_msg=name, rtol=0)


@st.composite
def stacks(draw):
    """Recipes of one architecture, and the order and learning rates of their updates."""
    batch_norm = draw(st.booleans())
    hidden = tuple(draw(st.lists(st.integers(4, 20), max_size=3)))
    alpha = draw(st.sampled_from([0.5, 0.9]))
    model = st.builds(
        small_recipe,
        hidden=st.just(hidden),
        batch_norm=st.just(batch_norm),
        alpha=st.just(alpha),
        dtype=st.just("float64"),
        penalty=st.sampled_from([0.0, 1e-4, 0.005, 0.1]),
        eta_max=st.floats(1e-4, 0.1),
        initialization=st.sampled_from(["he", "xavier", "0.1"]),
        seed=st.integers(0, 99),
        unpenalised_first_layer=st.booleans(),
    )
    recipes = draw(st.lists(model, min_size=1, max_size=7))
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    rates = rng.random((len(recipes), UPDATES)) * [[recipe.eta_max] for recipe in recipes]
    if draw(st.booleans()):  # one diverges, and at once: a slow explosion amplifies roundings
        i, update = draw(st.integers(0, len(recipes) - 1)), draw(st.integers(0, UPDATES - 1))
        rates[i, update:] = 1e300
    models = () if draw(st.booleans()) else (len(recipes),)
    return recipes, rng.integers(0, 500, (*models, UPDATES, 50)), rates


@settings(max_examples=12, derandomize=True, deadline=None, database=None)
@given(stacks())
def test_every_slice_equals_its_own_training(case):
    recipes, order, rates = case
    dataset, network = small_dataset("float64"), recipes[0].network(24, 10)
    starts = [initialize(network, r.initialization, r.seed) for r in recipes]
    learner = manual_impl.stacked_learner(recipes, network, dataset, starts)
    costs = learner.run_epoch(order, rates)
    evaluations, states = learner.evaluate("test"), learner.state()
    for i, recipe in enumerate(recipes):
        own = order if order.ndim == 2 else order[i]
        twin, expected = sequential(recipe, network, dataset, starts[i], own, rates[i])
        assert_slice(states[i], twin, expected, costs[i])
        assert learner.diverged[i] == (not np.isfinite(expected[-1]))
        if learner.diverged[i]:
            assert np.isnan(evaluations[i].cost)
        else:
            cost = twin.evaluate("test").cost  # NaN if the last update was one too far
            assert evaluations[i].cost == pytest.approx(cost, rel=SLICES, nan_ok=True)


def stack(**changes):
    """Five models that share their minibatches, their learner and data."""
    recipes = [
        small_recipe(dtype="float64", seed=seed, order_seed=1, penalty=0.01 * seed, **changes)
        for seed in range(5)
    ]
    dataset, network = small_dataset("float64"), recipes[0].network(24, 10)
    starts = [random_parameters(network, seed) for seed in range(5)]
    return recipes, manual_impl.stacked_learner(recipes, network, dataset, starts), dataset


ORDER = np.arange(500).reshape(10, 50)
RATES = np.full((5, 10), 0.1)


def test_a_diverged_model_changes_no_bit_of_the_others():
    _, learner, _ = stack()
    _, calm, _ = stack()
    learner.parameters["W1"][1] = np.nan
    learner.run_epoch(ORDER, RATES)
    calm.run_epoch(ORDER, RATES)
    assert learner.diverged.tolist() == [False, True, False, False, False]
    for i in (0, 2, 3, 4):
        assert bits(learner.state()[i]) == bits(calm.state()[i])


def test_a_model_marked_by_the_caller_stays_where_it_is():
    _, learner, _ = stack()
    learner.run_epoch(ORDER, RATES)
    before = learner.state()
    learner.diverged[3] = True
    assert bits(learner.state()[3]) == bits(before[3])
    costs = learner.run_epoch(ORDER, RATES)
    after = learner.state()
    assert np.isnan(costs[3]).all()
    assert [bits(after[i]) == bits(before[i]) for i in range(5)] == [False] * 3 + [True, False]


@pytest.mark.parametrize("batch_norm", [True, False])
def test_a_restored_stack_continues_bit_for_bit(batch_norm):
    _, learner, _ = stack(batch_norm=batch_norm)
    _, other, _ = stack(batch_norm=batch_norm)
    learner.run_epoch(ORDER, RATES)
    other.restore(learner.state())
    for each in (learner, other):
        each.run_epoch(ORDER[::-1], RATES)
    assert [bits(s) for s in other.state()] == [bits(s) for s in learner.state()]
    assert other.evaluate("test") == learner.evaluate("test")


def test_a_model_marked_by_the_caller_stays_so_when_another_diverges():
    _, learner, _ = stack()
    learner.diverged[3] = True
    learner.parameters["W1"][4] = np.nan  # of the same group
    costs = learner.run_epoch(ORDER, RATES)
    assert learner.diverged.tolist() == [False, False, False, True, True]
    assert np.isnan(costs[3]).all()


def test_a_state_is_a_copy():
    _, learner, _ = stack()
    learner.run_epoch(ORDER, RATES)
    states = learner.state()
    before = [bits(state) for state in states]
    learner.run_epoch(ORDER, RATES)
    assert [bits(state) for state in states] == before


def test_there_are_no_statistics_before_the_first_update():
    recipes, learner, _ = stack()
    names = list(recipes[0].network(24, 10).parameter_shapes)
    assert [list(state) for state in learner.state()] == [names] * 5


@pytest.mark.parametrize("order_seed", [None, 7])
def test_trained_together_as_trained_alone(order_seed):
    recipes = [
        small_recipe(dtype="float64", seed=seed, order_seed=order_seed, penalty=0.01 * seed)
        for seed in range(4)
    ]
    # eta 3 and lambda 30 multiply W by -179 at every update: W^2 overflows after about 68
    exploding = {"penalty": 30.0, "eta_min": 3.0, "eta_max": 3.0}
    recipes = [dataclasses.replace(r, epochs=8) for r in recipes]
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
