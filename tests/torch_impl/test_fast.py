"""The fast form of the update against the plain one on the module."""

import gc
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import torch_impl
from tests.support import arrays, bits, random_parameters, small_dataset, small_recipe
from twingrad.errors import UserError

examples = settings(max_examples=40, derandomize=True, deadline=None, database=None)


@st.composite
def trainings(draw):
    """A recipe for `small_dataset`, its network and initial parameters."""
    recipe = small_recipe(
        dtype="float64",
        hidden=tuple(draw(st.lists(st.integers(2, 20), max_size=4))),
        batch_norm=draw(st.booleans()),
        penalty=draw(st.sampled_from([0.0, 0.001, 0.1])),
        alpha=draw(st.sampled_from([0.0, 0.5, 0.9, 1.0])),
        unpenalised_first_layer=draw(st.booleans()),
    )
    network = recipe.network(24, 10)
    return recipe, network, random_parameters(network, draw(st.integers(0, 2**20)))


def course(updates, seed=1):
    """Order and learning rates of an epoch."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 500, (updates, 50)), rng.uniform(0.001, 0.05, updates)


def plainly(recipe, network, parameters, order, rates):
    """The same updates on the module."""
    split = small_dataset("float64").training
    module = torch_impl.TorchNetwork(
        network, parameters, alpha=recipe.alpha, dtype=torch.float64
    ).train()
    costs = [
        torch_impl.sgd_update(
            module,
            torch.from_numpy(split.X[rows]),
            torch.from_numpy(split.y[rows]),
            penalty=recipe.penalty,
            learning_rate=rate,
            unpenalised_first_layer=recipe.unpenalised_first_layer,
        ).item()
        for rows, rate in zip(order, rates.tolist(), strict=True)
    ]
    return module, np.array(costs)


def learner(recipe, network, parameters, dtype="float64", **options):
    return torch_impl.TorchLearner(recipe, network, small_dataset(dtype), parameters, **options)


def assert_same(found, expected, tolerance):
    assert list(found) == list(expected)
    for name, value in expected.items():
        allowed = tolerance * max(1.0, np.abs(value).max())
        np.testing.assert_allclose(found[name], value, atol=allowed, rtol=0, err_msg=name)


@examples
@given(trainings())
def test_fifty_updates_equal_the_plain_ones(training):
    recipe, network, parameters = training
    order, rates = course(50)
    fast = learner(recipe, network, parameters)
    costs = fast.run_epoch(order, rates)
    module, expected = plainly(recipe, network, parameters, order, rates)
    # rounding of 50 updates in float64
    np.testing.assert_allclose(costs, expected, rtol=1e-12)
    assert_same(fast.state(), arrays(module.state_dict()), 1e-12)


@examples
@given(trainings())
def test_evaluation_with_batch_norm_folded_equals_the_plain_one(training):
    recipe, network, parameters = training
    order, rates = course(5)
    fast = learner(recipe, network, parameters)
    fast.run_epoch(order, rates)
    module, _ = plainly(recipe, network, parameters, order, rates)
    split = small_dataset("float64").validation
    expected = torch_impl.evaluate(
        module,
        torch.from_numpy(split.X),
        torch.from_numpy(split.y),
        penalty=recipe.penalty,
        chunk=9,
    )
    found = fast.evaluate("validation")
    # rounding of five updates and of sums in another order
    assert found.loss == pytest.approx(expected.loss, rel=1e-12)
    assert found.cost == pytest.approx(expected.cost, rel=1e-12)
    assert found.accuracy == expected.accuracy


@pytest.mark.parametrize("batch_norm", [True, False])
def test_a_cost_that_is_not_finite_freezes_everything_before_its_update(batch_norm):
    recipe = small_recipe(dtype="float64", batch_norm=batch_norm)
    network = recipe.network(24, 10)
    parameters = random_parameters(network, 3)
    order, rates = course(8)
    rates[4] = 1e200
    fast, whole = (learner(recipe, network, parameters) for _ in range(2))
    costs = fast.run_epoch(order, rates)
    # the step of 1e200 gives parameters whose squares overflow in the next update's cost
    assert np.isfinite(costs).tolist() == [True] * 5 + [False]
    whole.run_epoch(order[:5], rates[:5])
    assert bits(fast.state()) == bits(whole.state())


def test_narrower_data_are_widened_by_minibatches():
    recipe = small_recipe(dtype="float64")
    network = recipe.network(24, 10)
    parameters, (order, rates) = random_parameters(network, 3), course(10)
    narrow = learner(recipe, network, parameters, dtype="float32")
    narrow.run_epoch(order, rates)
    assert {value.dtype for value in narrow.state().values()} == {np.dtype("float64")}
    wide = learner(recipe, network, parameters)
    wide.run_epoch(order, rates)
    # the data differ by roundings to float32
    assert_same(narrow.state(), wide.state(), 1e-5)
    assert narrow.evaluate("test").loss == pytest.approx(wide.evaluate("test").loss, rel=1e-5)


@pytest.mark.parametrize("lengths", [(10,), (3, 7), (1,) * 10])
def test_epochs_of_any_length_make_the_same_training(lengths):
    recipe = small_recipe()
    network = recipe.network(24, 10)
    parameters, (order, rates) = random_parameters(network, 3), course(10)
    whole, parts = (learner(recipe, network, parameters, dtype="float32") for _ in range(2))
    whole.run_epoch(order, rates)
    for last, length in zip(np.cumsum(lengths), lengths, strict=True):
        parts.run_epoch(order[last - length : last], rates[last - length : last])
    assert bits(parts.state()) == bits(whole.state())


def test_evaluation_before_the_first_minibatch_says_what_is_missing():
    recipe = small_recipe()
    network = recipe.network(24, 10)
    with pytest.raises(RuntimeError, match="needs running statistics"):
        learner(recipe, network, random_parameters(network, 3)).evaluate("test")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's compiler gives its own
def test_compiled_updates_equal_the_eager_ones():
    recipe = small_recipe(dtype="float64")
    network = recipe.network(24, 10)
    parameters, (order, rates) = random_parameters(network, 3), course(50)
    try:
        compiled = learner(recipe, network, parameters, compiled=True)
    except UserError as error:
        pytest.skip(str(error))
    eager = learner(recipe, network, parameters)
    # rounding of 50 updates in float64
    np.testing.assert_allclose(
        compiled.run_epoch(order, rates), eager.run_epoch(order, rates), rtol=1e-12
    )
    assert_same(compiled.state(), eager.state(), 1e-12)


def test_a_learner_that_nobody_holds_is_gone_at_once():
    # a cycle would keep its data on the device until the collector comes by
    recipe = small_recipe()
    network = recipe.network(24, 10)
    alone = learner(recipe, network, random_parameters(network, 3), "float32")
    alone.run_epoch(*course(2))
    stack = torch_impl.stacked_learner(
        [recipe], network, small_dataset(), [random_parameters(network, 3)]
    )
    stack.run_epoch(course(2)[0], np.full((1, 2), 0.01))
    watched = [weakref.ref(alone), weakref.ref(stack)]
    gc.disable()
    try:
        del alone, stack
        assert [there() for there in watched] == [None, None]
    finally:
        gc.enable()


def test_compiling_without_a_compiler_says_what_is_missing(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError, match="'no-such-compiler' is not here"):
        torch_impl.train(small_recipe(), small_dataset(), compiled=True)


def test_a_variance_of_zero_stays_zero():
    recipe = small_recipe(dtype="float32")
    network = recipe.network(24, 10)
    parameters = random_parameters(network, 3)
    parameters["W1"][0] = parameters["b1"][0] = 0  # s is 0 for every sample
    fast = learner(recipe, network, parameters, dtype="float32")
    fast.run_epoch(*course(1))
    assert fast.state()["v1"][0] == 0
    assert fast.state()["v1"][1:].min() > 0
