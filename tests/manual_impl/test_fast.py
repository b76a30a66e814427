"""The fast updates and evaluations against the plain ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import manual_impl
from manual_impl.folded import evaluate_folded
from manual_impl.training import stack_of_one
from tests.support import bits, random_parameters, small_dataset, small_recipe
from twingrad.dataset import Dataset, Split
from twingrad.network import Network
from twingrad.recipe import Recipe

TWINS = 1e-12
"""Of a tensor's size, or of 1: rounding of float64 after 50 updates, with two digits spare."""

UPDATES = 50

examples = settings(max_examples=25, derandomize=True, deadline=None, database=None)


@st.composite
def trainings(draw):
    """A recipe, its network, parameters to start from and data."""
    recipe = Recipe(
        hidden=tuple(draw(st.lists(st.integers(4, 30), max_size=3))),
        batch_norm=draw(st.booleans()),
        penalty=draw(st.sampled_from([0.0, 1e-3, 0.05])),
        batch_size=draw(st.integers(20, 60)),
        alpha=draw(st.sampled_from([0.5, 0.9])),
        unpenalised_first_layer=draw(st.booleans()),
        dtype="float64",
    )
    seed = draw(st.integers(0, 2**20))
    rng = np.random.default_rng(seed)
    inputs, classes = draw(st.integers(5, 40)), draw(st.integers(2, 12))
    network = recipe.network(inputs, classes)
    X, y = rng.standard_normal((200, inputs)), rng.integers(0, classes, 200)
    split = Split(X, y)
    dataset = Dataset(split, split, split, classes, {})
    order = rng.integers(0, 200, (UPDATES, recipe.batch_size))
    rates = draw(st.sampled_from([0.01, 0.1])) * rng.random(UPDATES)
    return recipe, network, random_parameters(network, seed), dataset, order, rates


def plain_run(recipe, network, parameters, dataset, order, rates):
    """What `sgd_update` makes of it: state and costs."""
    parameters, statistics = {k: v.copy() for k, v in parameters.items()}, {}
    training = dataset.training
    costs = [
        manual_impl.sgd_update(
            network,
            parameters,
            statistics,
            training.X[rows],
            training.y[rows],
            penalty=recipe.penalty,
            learning_rate=rate,
            alpha=recipe.alpha,
            unpenalised_first_layer=recipe.unpenalised_first_layer,
        )
        for rows, rate in zip(order, rates, strict=True)
    ]
    return parameters, statistics, costs


@examples
@given(trainings())
def test_fifty_updates_equal_the_plain_ones(training):
    recipe, network, start, dataset, order, rates = training
    parameters, statistics, costs = plain_run(*training)
    learner = manual_impl.ManualLearner(recipe, network, dataset, start)
    found = learner.run_epoch(order, rates)
    np.testing.assert_allclose(found, costs, rtol=TWINS)
    state, expected = learner.state(), parameters | statistics
    assert state.keys() == expected.keys()
    for name, value in expected.items():
        atol = TWINS * max(1.0, np.abs(value).max())
        np.testing.assert_allclose(state[name], value, atol=atol, rtol=0, err_msg=name)


@examples
@given(trainings(), st.integers(1, 250))
def test_evaluation_equals_the_plain_one(training, chunk):
    recipe, network, _, dataset, _, _ = training
    parameters, statistics, _ = plain_run(*training)
    expected = manual_impl.evaluate(
        network, parameters, statistics, dataset.test, penalty=recipe.penalty
    )
    [found] = evaluate_folded(
        network,
        stack_of_one(parameters),
        stack_of_one(statistics),
        dataset.test,
        np.array([recipe.penalty]),
        chunk=chunk,
    )
    assert found.loss == pytest.approx(expected.loss, rel=TWINS)
    assert found.cost == pytest.approx(expected.cost, rel=TWINS)
    assert found.accuracy == expected.accuracy


@pytest.mark.parametrize("batch_norm", [True, False])
def test_float32_stays_near_float64(batch_norm):
    ends = []
    for dtype in ("float32", "float64"):
        recipe, dataset = small_recipe(batch_norm=batch_norm, dtype=dtype), small_dataset()
        network = recipe.network(24, 10)
        learner = manual_impl.learner(recipe, network, dataset, random_parameters(network, 1))
        learner.run_epoch(np.arange(500).reshape(10, 50), np.full(10, 0.05))
        ends.append((learner.state(), learner.evaluate("test")))
    (narrow, one), (wide, other) = ends
    for name, value in wide.items():
        # some 30 roundings of float32; 5 were seen
        np.testing.assert_allclose(narrow[name], value, atol=2e-6 * np.abs(value).max())
    assert one.cost == pytest.approx(other.cost, rel=2e-6)


def test_equal_logits_count_as_the_first_class():
    network, split = Network(24, (), 10), small_dataset("float64").test
    zeros = {name: np.zeros((1, *shape)) for name, shape in network.parameter_shapes.items()}
    [found] = evaluate_folded(network, zeros, {}, split, np.zeros(1))
    assert found.accuracy == (split.y == 0).mean()
    assert found.loss == pytest.approx(np.log(10), rel=1e-15)


@pytest.mark.parametrize("batch_norm", [True, False])
def test_an_infinite_cost_ends_the_epoch_and_changes_nothing(batch_norm):
    recipe, dataset = small_recipe(batch_norm=batch_norm, dtype="float64"), small_dataset("float64")
    network = recipe.network(24, 10)
    dataset.training.X[150] = np.inf  # of the fourth minibatch
    order, rates = np.arange(500).reshape(10, 50), np.full(10, 0.1)
    learner, short = (
        manual_impl.learner(recipe, network, dataset, random_parameters(network, 1))
        for _ in range(2)
    )
    costs = learner.run_epoch(order, rates)
    short.run_epoch(order[:3], rates[:3])
    assert len(costs) == 4
    assert np.isfinite(costs).tolist() == [True, True, True, False]
    assert bits(learner.state()) == bits(short.state())


def test_parameters_changed_from_outside_count_in_the_next_cost():
    recipe, dataset = small_recipe(dtype="float64", penalty=0.1), small_dataset("float64")
    network = recipe.network(24, 10)
    learner = manual_impl.learner(recipe, network, dataset, random_parameters(network, 1))
    order = np.arange(100).reshape(2, 50)
    learner.run_epoch(order[:1], np.array([0.1]))
    learner.parameters["W1"] *= 3
    expected = manual_impl.forward(
        network, learner.parameters, dataset.training.X[50:100], dataset.training.y[50:100],
        penalty=0.1,
    )  # fmt: skip
    [cost] = learner.run_epoch(order[1:], np.array([0.1]))
    assert cost == pytest.approx(float(expected["cost"]), rel=1e-13)  # sums of 300 terms
