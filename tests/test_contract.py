"""What holds for either implementation alone."""

import gc
import inspect
import math
import weakref

import numpy as np
import pytest

from tests.support import (
    arrays,
    bits,
    learner,
    random_parameters,
    random_samples,
    small_dataset,
    small_recipe,
)
from twingrad.contract import Implementation
from twingrad.errors import UserError
from twingrad.initialization import initialize
from twingrad.network import Network
from twingrad.streams import stream

SOFTMAX = Network(3, (), 3)


@pytest.mark.parametrize(
    "name", ["forward", "gradients", "learner", "train", "stacked_learner", "train_stacked"]
)
def test_every_name_of_the_contract_is_exported_with_its_arguments(implementation, name):
    promised = list(inspect.signature(getattr(Implementation, name)).parameters.values())[1:]
    found = inspect.signature(getattr(implementation, name)).parameters
    assert name in implementation.__all__
    order = list(found)
    for position, argument in enumerate(promised):
        offered = found[argument.name]
        assert (offered.kind, offered.default) == (argument.kind, argument.default)
        if offered.kind is offered.POSITIONAL_OR_KEYWORD:
            assert order[position] == argument.name
    others = set(found) - {argument.name for argument in promised}
    assert all(found[name].default is not inspect.Parameter.empty for name in others)


def test_intermediates_come_in_order_of_execution(implementation):
    network = Network(5, (4, 3), 10, batch_norm=True)
    parameters, (X, y) = random_parameters(network, 1), random_samples(network, 6, 1)
    trace = implementation.forward(network, parameters, X, y, penalty=0.1)
    hidden = [f"{kind}{l}" for l in (1, 2) for kind in ("s", "mu", "v", "s_hat", "s_tilde", "x")]
    assert list(trace) == [*hidden, "s3", "p", "loss", "cost"]


def test_gradients_are_those_of_every_parameter_and_intermediate(implementation):
    network = Network(5, (4, 3), 10, batch_norm=True)
    parameters, (X, y) = random_parameters(network, 1), random_samples(network, 6, 1)
    trace = arrays(implementation.forward(network, parameters, X, y, penalty=0.1))
    found = arrays(implementation.gradients(network, parameters, X, y, penalty=0.1))
    shapes = {name: value.shape for name, value in (parameters | trace).items()}
    for no_source in ("p", "loss", "cost"):
        del shapes[no_source]
    assert {name: value.shape for name, value in found.items()} == shapes


@pytest.mark.parametrize("size", [1e4, 1e300])
def test_large_logits_keep_their_exact_loss(implementation, size):
    parameters = {"W1": np.eye(3), "b1": np.zeros(3)}
    X = size * np.array([[1.0, 0, -1], [1.0, 0, -1]])
    trace = arrays(implementation.forward(SOFTMAX, parameters, X, np.array([0, 2]), penalty=0.0))
    # sample 1 is certain and right: 0; sample 2 certain and wrong: 2 * size; exact in float64
    assert trace["loss"] == size
    assert trace["p"].tolist() == [[1, 0, 0], [1, 0, 0]]


@pytest.mark.parametrize("size", [1e4, 1e300])
def test_large_logits_keep_their_exact_gradient(implementation, size):
    parameters = {"W1": np.eye(3), "b1": np.zeros(3)}
    X = size * np.array([[1.0, 0, -1], [1.0, 0, -1]])
    y = np.array([0, 2])
    found = arrays(implementation.gradients(SOFTMAX, parameters, X, y, penalty=0.0))
    assert found["s1"].tolist() == [[0, 0, 0], [0.5, 0, -0.5]]


def test_equal_logits_cost_log_of_the_classes(implementation):
    parameters = {"W1": np.zeros((3, 3)), "b1": np.full(3, 7.0)}
    trace = arrays(
        implementation.forward(SOFTMAX, parameters, np.ones((4, 3)), np.arange(4) % 3, penalty=0.0)
    )
    # two roundings of a number near 1
    assert float(trace["loss"]) == pytest.approx(math.log(3), abs=1e-15)


def test_relu_has_derivative_0_at_0(implementation):
    network = Network(1, (3,), 2)
    parameters = {
        "W1": np.array([[0.0], [1.0], [-1.0]]),
        "b1": np.zeros(3),
        "W2": np.array([[1.0, 1, 1], [-1.0, -1, -1]]),
        "b2": np.zeros(2),
    }
    found = arrays(
        implementation.gradients(network, parameters, np.ones((1, 1)), np.array([0]), penalty=0.0)
    )
    # p = softmax(1, -1); d loss / d x = W2' (p - e_0) = -2 p_1 for every unit
    slope = -2 / (1 + math.exp(2))
    np.testing.assert_allclose(found["x1"], [[slope] * 3], rtol=1e-14)  # a few roundings
    np.testing.assert_allclose(found["s1"], [[0, slope, 0]], rtol=1e-14)


@pytest.mark.parametrize("batch_norm", [True, False])
def test_nan_in_a_hidden_layer_reaches_the_cost(implementation, batch_norm):
    network = Network(5, (4, 3), 10, batch_norm)
    parameters, (X, y) = random_parameters(network, 1), random_samples(network, 6, 1)
    X[2, 3] = np.nan
    trace = arrays(implementation.forward(network, parameters, X, y, penalty=0.1))
    assert np.isnan(trace["cost"])


def test_penalty_adds_two_lambda_W_to_the_weights_alone(implementation):
    network = Network(8, (6, 5), 10, batch_norm=True)
    parameters, (X, y) = random_parameters(network, 2), random_samples(network, 20, 2)
    with_penalty, without = (
        arrays(implementation.gradients(network, parameters, X, y, penalty=penalty))
        for penalty in (0.3, 0.0)
    )
    for name, value in parameters.items():
        added = 0.6 * value if name.startswith("W") else np.zeros_like(value)
        # one rounding of gradients below 10
        np.testing.assert_allclose(with_penalty[name] - without[name], added, atol=1e-14, rtol=0)


def test_penalty_in_the_cost_is_lambda_times_all_squared_weights(implementation):
    network = Network(8, (6, 5), 10, batch_norm=True)
    parameters, (X, y) = random_parameters(network, 2), random_samples(network, 20, 2)
    trace = arrays(implementation.forward(network, parameters, X, y, penalty=0.3))
    squares = sum(float((parameters[f"W{l}"] ** 2).sum()) for l in (1, 2, 3))
    # the sums have fewer than 100 terms
    assert float(trace["cost"] - trace["loss"]) == pytest.approx(0.3 * squares, rel=1e-13)


def test_evaluation_equals_arithmetic_by_hand(implementation):
    network = Network(1, (1,), 2, batch_norm=True)
    parameters = {
        "W1": np.array([[2.0]]),
        "b1": np.array([1.0]),
        "gamma1": np.array([3.0]),
        "beta1": np.array([-1.0]),
        "W2": np.array([[1.0], [0.0]]),
        "b2": np.zeros(2),
    }
    statistics = {"mu1": np.array([3.0]), "v1": np.array([4.0])}
    X, y = np.array([[3.0], [1.0]]), np.array([0, 1])
    trace = arrays(
        implementation.forward(network, parameters, X, y, penalty=0.1, statistics=statistics)
    )
    # s = 7, 3; s_hat = (s - 3) / 2 = 2, 0; s_tilde = 5, -1; x = 5, 0
    loss = (math.log1p(math.exp(-5)) + math.log(2)) / 2
    np.testing.assert_allclose(trace["s_hat1"], [[2], [0]], atol=1e-15)
    np.testing.assert_allclose(trace["x1"], [[5], [0]], atol=1e-14)
    np.testing.assert_allclose(trace["loss"], loss, rtol=1e-14)
    np.testing.assert_allclose(trace["cost"], loss + 0.1 * (2**2 + 1), rtol=1e-14)


def test_evaluation_changes_nothing_that_it_is_given(implementation):
    network = Network(7, (6, 5), 10, batch_norm=True)
    parameters, (X, y) = random_parameters(network, 3), random_samples(network, 9, 3)
    statistics = {name: np.full(shape, 0.5) for name, shape in network.statistic_shapes.items()}
    given = {**parameters, **statistics, "X": X, "y": y}
    before = bits(given)
    implementation.forward(network, parameters, X, y, penalty=0.1, statistics=statistics)
    assert bits(given) == before


def test_evaluation_of_a_sample_does_not_depend_on_the_others(implementation):
    network = Network(7, (6, 5), 10, batch_norm=True)
    parameters, (X, y) = random_parameters(network, 3), random_samples(network, 9, 3)
    statistics = {name: np.full(shape, 0.5) for name, shape in network.statistic_shapes.items()}
    whole, part = (
        arrays(
            implementation.forward(
                network, parameters, X[:n], y[:n], penalty=0.1, statistics=statistics
            )
        )["p"][:2]
        for n in (9, 2)
    )
    # a BLAS may sum products of other shapes in another order
    np.testing.assert_allclose(whole, part, rtol=1e-13)


@pytest.mark.parametrize("batch_norm", [True, False])
def test_float32_stays_float32_in_every_tensor(implementation, batch_norm):
    network = Network(7, (6, 5), 10, batch_norm)
    parameters = {k: v.astype(np.float32) for k, v in random_parameters(network, 3).items()}
    X, y = random_samples(network, 9, 3)
    given = (network, parameters, X.astype(np.float32), y)
    trace = arrays(implementation.forward(*given, penalty=0.1))
    found = arrays(implementation.gradients(*given, penalty=0.1))
    assert {value.dtype for value in (*trace.values(), *found.values())} == {np.dtype(np.float32)}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_state_keeps_its_dtype_after_updates(implementation, dtype):
    recipe, dataset = small_recipe(dtype=dtype), small_dataset(dtype)
    parameters = random_parameters(recipe.network(24, 10), 4)
    twin = learner(implementation, recipe, dataset, parameters)
    twin.run_epoch(np.arange(100).reshape(2, 50), np.array([0.1, 0.05]))
    assert {value.dtype for value in twin.state().values()} == {np.dtype(dtype)}


def first_layer(state, X):
    s = X @ state["W1"].T + state["b1"]
    return {"mu1": s.mean(axis=0), "v1": ((s - s.mean(axis=0)) ** 2).sum(axis=0) / len(s)}


def test_running_statistics_start_at_the_first_minibatch(implementation):
    recipe, dataset = small_recipe(dtype="float64"), small_dataset("float64")
    parameters = random_parameters(recipe.network(24, 10), 4)
    twin = learner(implementation, recipe, dataset, parameters)
    twin.run_epoch(np.arange(50).reshape(1, 50), np.array([0.1]))
    for name, value in first_layer(parameters, dataset.training.X[:50]).items():
        np.testing.assert_allclose(twin.state()[name], value, rtol=1e-12)  # sums of 50 terms


def test_running_statistics_keep_nine_tenths(implementation):
    recipe, dataset = small_recipe(dtype="float64"), small_dataset("float64")
    parameters = random_parameters(recipe.network(24, 10), 4)
    twin = learner(implementation, recipe, dataset, parameters)
    twin.run_epoch(np.arange(50).reshape(1, 50), np.array([0.1]))
    before = twin.state()
    twin.run_epoch(np.arange(50, 100).reshape(1, 50), np.array([0.1]))
    for name, new in first_layer(before, dataset.training.X[50:100]).items():
        expected = 0.9 * before[name] + 0.1 * new
        np.testing.assert_allclose(twin.state()[name], expected, rtol=1e-12)  # sums of 50 terms


def test_alpha_is_the_share_of_the_old_statistics(implementation):
    recipe, dataset = small_recipe(dtype="float64", alpha=1.0), small_dataset("float64")
    parameters = random_parameters(recipe.network(24, 10), 4)
    twin = learner(implementation, recipe, dataset, parameters)
    twin.run_epoch(np.arange(50).reshape(1, 50), np.array([0.1]))
    first = twin.state()
    twin.run_epoch(np.arange(50, 100).reshape(1, 50), np.array([0.1]))
    assert twin.state()["v1"].tobytes() == first["v1"].tobytes()


def test_an_update_moves_against_the_gradient(implementation):
    recipe, dataset = small_recipe(dtype="float64"), small_dataset("float64")
    network = recipe.network(24, 10)
    parameters = random_parameters(network, 4)
    X, y = dataset.training.X[:50], dataset.training.y[:50]
    gradients = arrays(implementation.gradients(network, parameters, X, y, penalty=recipe.penalty))
    twin = learner(implementation, recipe, dataset, parameters)
    twin.run_epoch(np.arange(50).reshape(1, 50), np.array([0.2]))
    for name, value in parameters.items():
        # the same gradient, computed once more
        expected = value - 0.2 * gradients[name]
        np.testing.assert_allclose(twin.state()[name], expected, atol=1e-14, rtol=0)


def test_evaluating_a_learner_leaves_its_state(implementation):
    recipe, dataset = small_recipe(), small_dataset()
    twin = learner(implementation, recipe, dataset, random_parameters(recipe.network(24, 10), 4))
    twin.run_epoch(np.arange(100).reshape(2, 50), np.array([0.1, 0.1]))
    before = bits(twin.state())
    twin.evaluate("test")
    assert bits(twin.state()) == before


def test_a_state_is_a_copy(implementation):
    recipe, dataset = small_recipe(), small_dataset()
    twin = learner(implementation, recipe, dataset, random_parameters(recipe.network(24, 10), 4))
    twin.run_epoch(np.arange(50).reshape(1, 50), np.array([0.1]))
    state = twin.state()
    before = bits(state)
    twin.run_epoch(np.arange(50).reshape(1, 50), np.array([0.1]))
    assert bits(state) == before


def test_the_parameters_given_to_a_learner_are_not_changed(implementation):
    recipe, dataset = small_recipe(dtype="float64"), small_dataset("float64")
    parameters = random_parameters(recipe.network(24, 10), 4)
    before = bits(parameters)
    twin = learner(implementation, recipe, dataset, parameters)
    twin.run_epoch(np.arange(50).reshape(1, 50), np.array([0.1]))
    assert bits(parameters) == before


def test_accuracy_counts_the_largest_probability(implementation):
    recipe, dataset = small_recipe(dtype="float64"), small_dataset("float64")
    network = recipe.network(24, 10)
    twin = learner(implementation, recipe, dataset, random_parameters(network, 4))
    order = stream(1, "order").permutation(500).reshape(10, 50)
    twin.run_epoch(order, np.full(10, 0.1))
    state = twin.state()
    trace = arrays(
        implementation.forward(
            network,
            {name: state[name] for name in network.parameter_shapes},
            dataset.test.X,
            dataset.test.y,
            penalty=recipe.penalty,
            statistics={name: state[name] for name in network.statistic_shapes},
        )
    )
    right = (trace["p"].argmax(axis=1) == dataset.test.y).sum()
    assert twin.evaluate("test").accuracy == right / 120


def test_the_network_s_eps_is_added_to_the_variance(implementation):
    network = Network(5, (4,), 10, batch_norm=True, eps=0.5)
    parameters, (X, y) = random_parameters(network, 1), random_samples(network, 6, 1)
    trace = arrays(implementation.forward(network, parameters, X, y, penalty=0.0))
    expected = (trace["s1"] - trace["mu1"]) / np.sqrt(trace["v1"] + 0.5)
    np.testing.assert_allclose(trace["s_hat1"], expected, rtol=1e-14)  # a few roundings


def test_a_layer_handed_another_gradient_answers_for_itself_alone(implementation):
    network = Network(5, (4, 3), 10, batch_norm=True)
    parameters, (X, y) = random_parameters(network, 1), random_samples(network, 6, 1)
    arguments = (network, parameters, X, y)
    right = arrays(implementation.gradients(*arguments, penalty=0.1))
    same = arrays(implementation.gradients(*arguments, penalty=0.1, upstream=right))
    assert same.keys() == right.keys()
    for name in right:
        np.testing.assert_allclose(same[name], right[name], rtol=1e-11, atol=1e-14, err_msg=name)
    forced = arrays(
        implementation.gradients(
            *arguments, penalty=0.1, upstream=right | {"x1": 2 * right["x1"], "s3": 0 * right["s3"]}
        )
    )
    # what is computed of a gradient doubled or made zero is doubled or zero; the rest is as it was
    expected = right | {"s_tilde1": 2 * right["s_tilde1"], "x2": 0 * right["x2"]}
    expected |= {"W3": 0.2 * parameters["W3"], "b3": 0 * right["b3"]}
    for name in right:
        np.testing.assert_allclose(
            forced[name], expected[name], rtol=1e-11, atol=1e-14, err_msg=name
        )


def four(**changes):
    """Recipes of one stack that differ in all that may differ."""
    return [
        small_recipe(
            epochs=2, penalty=penalty, eta_max=eta_max, initialization=start, seed=seed, **changes
        )
        for seed, (penalty, eta_max, start) in enumerate(
            [(0.0, 0.1, "he"), (0.001, 0.03, "xavier"), (0.005, 0.3, "0.1"), (0.05, 0.01, "he")]
        )
    ]


def difference(run, other):
    """The largest between two end states, of a tensor's size or of 1."""
    states = [one.parameters | one.statistics for one in (run, other)]
    assert states[0].keys() == states[1].keys()
    return max(
        float(np.abs(states[0][name] - value).max() / max(1, np.abs(value).max()))
        for name, value in states[1].items()
    )


@pytest.mark.parametrize("order_seed", [None, 7])
def test_a_stack_gives_every_recipe_its_own_run(implementation, order_seed):
    recipes, dataset = four(dtype="float64", order_seed=order_seed), small_dataset("float64")
    for recipe, run in zip(recipes, implementation.train_stacked(recipes, dataset), strict=True):
        alone = implementation.train(recipe, dataset)
        assert run.recipe == recipe
        assert difference(run, alone) <= 1e-12  # roundings of 20 updates
        assert run.final["test"].loss == pytest.approx(alone.final["test"].loss, rel=1e-12)
        assert [epoch.learning_rates for epoch in run.history] == [
            epoch.learning_rates for epoch in alone.history
        ]


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("order_seed", [None, 7])
def test_slices_stay_with_their_own_runs_in_float32(implementation, batch_norm, order_seed):
    recipes = four(hidden=(50, 50), batch_norm=batch_norm, order_seed=order_seed)
    dataset = small_dataset()
    stack = implementation.train_stacked(recipes, dataset)
    differences = sorted(
        difference(run, implementation.train(recipe, dataset))
        for recipe, run in zip(recipes, stack, strict=True)
    )
    # 20 updates: 200 such trainings ended within 1e-6, 8 roundings, of their own, but for one in
    # which a sample took the other side of a ReLU's kink, which moved beta by 5e-4
    assert differences[-2] <= 5e-6
    assert differences[-1] <= 5e-3


def test_a_stacked_learner_takes_and_gives_back_every_model_s_state(implementation):
    recipes, dataset = four(dtype="float64", order_seed=7), small_dataset("float64")
    network = recipes[0].network(24, 10)
    starts = [random_parameters(network, recipe.seed) for recipe in recipes]
    stack = implementation.stacked_learner(recipes, network, dataset, starts)
    assert [bits(state) for state in stack.state()] == [bits(start) for start in starts]
    costs = stack.run_epoch(np.arange(100).reshape(2, 50), np.full((4, 2), 0.01))
    assert costs.shape == (4, 2)
    assert [found.finite for found in stack.evaluate("validation")] == [True] * 4


def test_recipes_that_do_not_stack_are_refused_by_the_field_that_differs(implementation):
    with pytest.raises(UserError, match="equal alpha"):
        implementation.train_stacked([*four(), *four(alpha=0.5)], small_dataset())


def test_a_stack_draws_its_initial_parameters_one_by_one_and_keeps_none(
    implementation, monkeypatch
):
    drawn, alive = [], []

    def remembered(*arguments):
        gc.collect()
        assert sum(W() is not None for W in drawn) <= 1  # that which is being replaced
        parameters = initialize(*arguments)
        drawn.append(weakref.ref(parameters["W1"]))
        return parameters

    def count(epochs, total):
        gc.collect()
        alive.append(sum(W() is not None for W in drawn))

    monkeypatch.setattr("twingrad.stacking.initialize", remembered)
    implementation.train_stacked(four(), small_dataset(), on_epoch=count)
    assert (len(drawn), alive) == (4, [0, 0])
