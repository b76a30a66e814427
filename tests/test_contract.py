"""What holds for either implementation alone."""

import gc
import inspect
import math
import weakref

import numpy as np
import pytest

from tests.support import (
    arrays,
    assert_same_states,
    bits,
    epoch_inputs,
    learner,
    random_masks,
    random_parameters,
    random_samples,
    rows,
    small_dataset,
    small_recipe,
)
from twingrad.contract import Implementation
from twingrad.errors import UserError
from twingrad.initialization import initialize
from twingrad.layers import ACTIVATIONS, NORMALIZATIONS
from twingrad.network import Network
from twingrad.recipe import OPTIMIZERS
from twingrad.stacks import stack_inputs
from twingrad.streams import stream

SOFTMAX = Network(3, (), 3)


EVERY_KIND = [
    Network(5, (4, 3), 10, normalization, activation, slope=0.2, dropout=0.3, smoothing=0.1)
    for normalization in NORMALIZATIONS
    for activation in ACTIVATIONS
]

every_kind = pytest.mark.parametrize(
    "network", EVERY_KIND, ids=lambda network: f"{network.normalization} {network.activation}"
)


@pytest.mark.parametrize("name", ["forward", "gradients", "learner", "train", "train_stacked"])
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


def names_of_layer(normalization, l):
    """What a hidden layer with dropout computes, in order."""
    inner = [f"{each}{l}" for each in ("mu", "v")]
    return {
        "none": [f"s{l}", f"x{l}"],
        "batch": [f"s{l}", *inner, f"s_hat{l}", f"s_tilde{l}", f"x{l}"],
        "layer": [f"s{l}", *inner, f"s_hat{l}", f"s_tilde{l}", f"x{l}"],
        "batch-after": [f"s{l}", f"x{l}", *inner, f"x_hat{l}", f"x_tilde{l}"],
    }[normalization] + [f"x_drop{l}"]


@every_kind
def test_intermediates_come_in_order_of_execution(implementation, network):
    parameters, (X, y) = random_parameters(network, 1), random_samples(network, 6, 1)
    masks = random_masks(network, 6, 1)
    trace = implementation.forward(network, parameters, X, y, penalty=0.1, masks=masks)
    hidden = [name for l in (1, 2) for name in names_of_layer(network.normalization, l)]
    assert list(trace) == [*hidden, "s3", "p", "loss", "cost"]


@every_kind
def test_gradients_are_those_of_every_parameter_and_intermediate(implementation, network):
    parameters, (X, y) = random_parameters(network, 1), random_samples(network, 6, 1)
    given = (network, parameters, X, y)
    masks = random_masks(network, 6, 1)
    trace = arrays(implementation.forward(*given, penalty=0.1, masks=masks))
    found = arrays(implementation.gradients(*given, penalty=0.1, masks=masks))
    shapes = {name: value.shape for name, value in (parameters | trace).items()}
    for no_source in ("p", "loss", "cost"):
        del shapes[no_source]
    assert {name: value.shape for name, value in found.items()} == shapes


@every_kind
def test_networks_along_a_leading_axis_do_what_each_does(implementation, network):
    each = [random_parameters(network, seed) for seed in range(3)]
    stacked = {name: np.stack([one[name] for one in each]) for name in each[0]}
    X, y = random_samples(network, 6, 1)
    masks, penalty = random_masks(network, 6, 1), np.array([0.0, 0.1, 0.5])
    for compute in (implementation.forward, implementation.gradients):
        together = arrays(compute(network, stacked, X, y, penalty=penalty, masks=masks))
        for i in range(3):
            alone = arrays(compute(network, each[i], X, y, penalty=float(penalty[i]), masks=masks))
            assert together.keys() == alone.keys()
            for name, value in alone.items():
                # products of other shapes may sum in another order
                atol = 1e-11 * max(1.0, np.abs(value).max())
                np.testing.assert_allclose(together[name][i], value, atol=atol, rtol=0)


def test_dropout_drops_by_the_mask_and_scales_what_is_kept(implementation):
    network = Network(5, (4,), 10, dropout=0.2)
    parameters, (X, y) = random_parameters(network, 1), random_samples(network, 6, 1)
    masks = random_masks(network, 6, 1)
    given = (network, parameters, X, y)
    trace = arrays(implementation.forward(*given, penalty=0.0, masks=masks))
    np.testing.assert_allclose(
        trace["x_drop1"], trace["x1"] * masks["mask1"] / 0.8, rtol=1e-15, atol=0
    )
    found = arrays(implementation.gradients(*given, penalty=0.0, masks=masks))
    np.testing.assert_allclose(
        found["x1"], found["x_drop1"] * masks["mask1"] / 0.8, rtol=1e-15, atol=0
    )


def test_without_masks_nothing_is_dropped(implementation):
    network = Network(5, (4,), 10, dropout=0.2)
    parameters, (X, y) = random_parameters(network, 1), random_samples(network, 6, 1)
    trace = arrays(implementation.forward(network, parameters, X, y, penalty=0.0))
    assert (trace["x_drop1"] == trace["x1"]).all()


def test_smoothing_spreads_a_share_of_the_target(implementation):
    network = Network(3, (), 3, smoothing=0.3)
    parameters = {"W1": np.eye(3), "b1": np.zeros(3)}
    X, y = np.log([[1.0, 2, 5]]), np.array([2])
    trace = arrays(implementation.forward(network, parameters, X, y, penalty=0.0))
    # p = 1/8, 1/4, 5/8 and t = 0.1, 0.1, 0.8
    loss = -(0.1 * math.log(1 / 8) + 0.1 * math.log(1 / 4) + 0.8 * math.log(5 / 8))
    assert float(trace["loss"]) == pytest.approx(loss, rel=1e-14)
    found = arrays(implementation.gradients(network, parameters, X, y, penalty=0.0))
    np.testing.assert_allclose(found["s1"], [[0.025, 0.15, -0.175]], rtol=1e-13)


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


def test_leaky_relu_has_its_slope_at_0_and_below(implementation):
    network = Network(1, (3,), 2, activation="leaky_relu", slope=0.25)
    parameters = {
        "W1": np.array([[0.0], [1.0], [-1.0]]),
        "b1": np.zeros(3),
        "W2": np.array([[1.0, 1, 1], [-1.0, -1, -1]]),
        "b2": np.zeros(2),
    }
    given = (network, parameters, np.ones((1, 1)), np.array([0]))
    trace = arrays(implementation.forward(*given, penalty=0.0))
    assert trace["x1"].tolist() == [[0, 1, -0.25]]
    found = arrays(implementation.gradients(*given, penalty=0.0))
    # p = softmax(0.75, -0.75)
    G = -2 / (1 + math.exp(1.5))
    np.testing.assert_allclose(found["s1"], [[G / 4, G, G / 4]], rtol=1e-14)


@every_kind
def test_nan_in_a_hidden_layer_reaches_the_cost(implementation, network):
    parameters, (X, y) = random_parameters(network, 1), random_samples(network, 6, 1)
    X[2, 3] = np.nan
    trace = arrays(implementation.forward(network, parameters, X, y, penalty=0.1))
    assert np.isnan(trace["cost"])


def test_penalty_adds_two_lambda_W_to_the_weights_alone(implementation):
    network = Network(8, (6, 5), 10, normalization="batch")
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
    network = Network(8, (6, 5), 10, normalization="batch")
    parameters, (X, y) = random_parameters(network, 2), random_samples(network, 20, 2)
    trace = arrays(implementation.forward(network, parameters, X, y, penalty=0.3))
    squares = sum(float((parameters[f"W{l}"] ** 2).sum()) for l in (1, 2, 3))
    # the sums have fewer than 100 terms
    assert float(trace["cost"] - trace["loss"]) == pytest.approx(0.3 * squares, rel=1e-13)


def test_evaluation_equals_arithmetic_by_hand(implementation):
    network = Network(1, (1,), 2, normalization="batch")
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
    network = Network(7, (6, 5), 10, normalization="batch")
    parameters, (X, y) = random_parameters(network, 3), random_samples(network, 9, 3)
    statistics = {name: np.full(shape, 0.5) for name, shape in network.statistic_shapes.items()}
    given = {**parameters, **statistics, "X": X, "y": y}
    before = bits(given)
    implementation.forward(network, parameters, X, y, penalty=0.1, statistics=statistics)
    assert bits(given) == before


def test_evaluation_of_a_sample_does_not_depend_on_the_others(implementation):
    network = Network(7, (6, 5), 10, normalization="batch")
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


@every_kind
def test_float32_stays_float32_in_every_tensor(implementation, network):
    parameters = {k: v.astype(np.float32) for k, v in random_parameters(network, 3).items()}
    X, y = random_samples(network, 9, 3)
    given, masks = (network, parameters, X.astype(np.float32), y), random_masks(network, 9, 3)
    trace = arrays(implementation.forward(*given, penalty=0.1, masks=masks))
    found = arrays(implementation.gradients(*given, penalty=0.1, masks=masks))
    assert {value.dtype for value in (*trace.values(), *found.values())} == {np.dtype(np.float32)}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_state_keeps_its_dtype_after_updates(implementation, dtype):
    recipe, dataset = small_recipe(dtype=dtype), small_dataset(dtype)
    parameters = random_parameters(recipe.network(24, 10), 4)
    twin = learner(implementation, recipe, dataset, parameters)
    twin.run_epoch(epoch_inputs(rows(0, 1), [0.1, 0.05]))
    [state] = twin.state()
    assert {value.dtype for name, value in state.items() if name != "updates"} == {np.dtype(dtype)}


def first_layer(state, X):
    s = X @ state["W1"].T + state["b1"]
    return {"mu1": s.mean(axis=0), "v1": ((s - s.mean(axis=0)) ** 2).sum(axis=0) / len(s)}


def test_running_statistics_start_at_the_first_minibatch(implementation):
    recipe, dataset = small_recipe(dtype="float64"), small_dataset("float64")
    parameters = random_parameters(recipe.network(24, 10), 4)
    twin = learner(implementation, recipe, dataset, parameters)
    twin.run_epoch(epoch_inputs(rows(0), [0.1]))
    for name, value in first_layer(parameters, dataset.training.X[:50]).items():
        np.testing.assert_allclose(twin.state()[0][name], value, rtol=1e-12)  # sums of 50 terms


def test_running_statistics_keep_nine_tenths(implementation):
    recipe, dataset = small_recipe(dtype="float64"), small_dataset("float64")
    parameters = random_parameters(recipe.network(24, 10), 4)
    twin = learner(implementation, recipe, dataset, parameters)
    twin.run_epoch(epoch_inputs(rows(0), [0.1]))
    before = twin.state()[0]
    twin.run_epoch(epoch_inputs(rows(1), [0.1]))
    for name, new in first_layer(before, dataset.training.X[50:100]).items():
        expected = 0.9 * before[name] + 0.1 * new
        np.testing.assert_allclose(twin.state()[0][name], expected, rtol=1e-12)  # sums of 50 terms


def test_alpha_is_the_share_of_the_old_statistics(implementation):
    recipe, dataset = small_recipe(dtype="float64", alpha=1.0), small_dataset("float64")
    parameters = random_parameters(recipe.network(24, 10), 4)
    twin = learner(implementation, recipe, dataset, parameters)
    twin.run_epoch(epoch_inputs(rows(0), [0.1]))
    first = twin.state()[0]
    twin.run_epoch(epoch_inputs(rows(1), [0.1]))
    assert twin.state()[0]["v1"].tobytes() == first["v1"].tobytes()


def test_an_update_moves_against_the_gradient(implementation):
    recipe, dataset = small_recipe(dtype="float64"), small_dataset("float64")
    network = recipe.network(24, 10)
    parameters = random_parameters(network, 4)
    X, y = dataset.training.X[:50], dataset.training.y[:50]
    gradients = arrays(implementation.gradients(network, parameters, X, y, penalty=recipe.penalty))
    twin = learner(implementation, recipe, dataset, parameters)
    twin.run_epoch(epoch_inputs(rows(0), [0.2]))
    for name, value in parameters.items():
        # the same gradient, computed once more
        expected = value - 0.2 * gradients[name]
        np.testing.assert_allclose(twin.state()[0][name], expected, atol=1e-14, rtol=0)


def test_evaluating_a_learner_leaves_its_state(implementation):
    recipe, dataset = small_recipe(), small_dataset()
    twin = learner(implementation, recipe, dataset, random_parameters(recipe.network(24, 10), 4))
    twin.run_epoch(epoch_inputs(rows(0, 1), [0.1, 0.1]))
    before = bits(twin.state()[0])
    twin.evaluate("test")
    assert bits(twin.state()[0]) == before


def test_a_state_is_a_copy(implementation):
    recipe, dataset = small_recipe(), small_dataset()
    twin = learner(implementation, recipe, dataset, random_parameters(recipe.network(24, 10), 4))
    twin.run_epoch(epoch_inputs(rows(0), [0.1]))
    state = twin.state()[0]
    before = bits(state)
    twin.run_epoch(epoch_inputs(rows(0), [0.1]))
    assert bits(state) == before


def test_the_parameters_given_to_a_learner_are_not_changed(implementation):
    recipe, dataset = small_recipe(dtype="float64"), small_dataset("float64")
    parameters = random_parameters(recipe.network(24, 10), 4)
    before = bits(parameters)
    twin = learner(implementation, recipe, dataset, parameters)
    twin.run_epoch(epoch_inputs(rows(0), [0.1]))
    assert bits(parameters) == before


def test_accuracy_counts_the_largest_probability(implementation):
    recipe, dataset = small_recipe(dtype="float64"), small_dataset("float64")
    network = recipe.network(24, 10)
    twin = learner(implementation, recipe, dataset, random_parameters(network, 4))
    order = stream(1, "order").permutation(500).reshape(10, 50)
    twin.run_epoch(epoch_inputs(order, np.full(10, 0.1)))
    state = twin.state()[0]
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
    assert twin.evaluate("test")[0].accuracy == right / 120


def test_the_network_s_eps_is_added_to_the_variance(implementation):
    network = Network(5, (4,), 10, normalization="batch", eps=0.5)
    parameters, (X, y) = random_parameters(network, 1), random_samples(network, 6, 1)
    trace = arrays(implementation.forward(network, parameters, X, y, penalty=0.0))
    expected = (trace["s1"] - trace["mu1"]) / np.sqrt(trace["v1"] + 0.5)
    np.testing.assert_allclose(trace["s_hat1"], expected, rtol=1e-14)  # a few roundings


def test_a_layer_handed_another_gradient_answers_for_itself_alone(implementation):
    network = Network(5, (4, 3), 10, normalization="batch")
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


@every_kind
def test_the_right_gradients_from_above_change_nothing(implementation, network):
    parameters, (X, y) = random_parameters(network, 1), random_samples(network, 6, 1)
    masks, given = random_masks(network, 6, 1), (network, parameters, X, y)
    right = arrays(implementation.gradients(*given, penalty=0.1, masks=masks))
    same = arrays(implementation.gradients(*given, penalty=0.1, masks=masks, upstream=right))
    assert same.keys() == right.keys()
    for name in right:
        np.testing.assert_allclose(same[name], right[name], rtol=1e-11, atol=1e-14, err_msg=name)


def four(scale=1.0, **changes):
    """Recipes of one stack that differ in all that may differ; learning rates scaled."""
    return [
        small_recipe(
            epochs=2,
            penalty=penalty,
            eta_max=scale * eta_max,
            initialization=start,
            seed=seed,
            **changes,
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


@pytest.mark.parametrize(
    ("optimizer", "normalization"),
    list(zip(OPTIMIZERS, ["batch", "none", "layer", "batch-after"], strict=True)),
)
@pytest.mark.parametrize("order_seed", [None, 7])
def test_a_stack_gives_every_recipe_its_own_run(
    implementation, order_seed, optimizer, normalization
):
    kinds = {"activation": "leaky_relu", "dropout": 0.2, "smoothing": 0.1}
    recipes = four(
        dtype="float64",
        order_seed=order_seed,
        optimizer=optimizer,
        normalization=normalization,
        scale=1.0 if optimizer == "sgd" else 0.1,
        **({} if order_seed else kinds),
    )
    dataset = small_dataset("float64")
    for recipe, run in zip(recipes, implementation.train_stacked(recipes, dataset), strict=True):
        alone = implementation.train(recipe, dataset)
        assert run.recipe == recipe
        assert difference(run, alone) <= 1e-11  # roundings of 20 updates
        assert run.final["test"].loss == pytest.approx(alone.final["test"].loss, rel=1e-11)
        assert [epoch.learning_rates for epoch in run.history] == [
            epoch.learning_rates for epoch in alone.history
        ]


@pytest.mark.parametrize("normalization", ["batch", "none"])
@pytest.mark.parametrize("order_seed", [None, 7])
def test_slices_stay_with_their_own_runs_in_float32(implementation, normalization, order_seed):
    recipes = four(hidden=(50, 50), normalization=normalization, order_seed=order_seed)
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


def test_a_learner_takes_and_gives_back_every_network_s_state(implementation):
    recipes, dataset = four(dtype="float64", order_seed=7), small_dataset("float64")
    network = recipes[0].network(24, 10)
    starts = [random_parameters(network, recipe.seed) for recipe in recipes]
    group = learner(implementation, recipes, dataset, starts)
    for state, start in zip(group.state(), starts, strict=True):
        assert {name: state[name].tobytes() for name in start} == bits(start)
    costs = group.run_epoch(epoch_inputs(rows(0, 1), np.full((4, 2), 0.01)))
    assert costs.shape == (4, 2)
    assert [found.finite for found in group.evaluate("validation")] == [True] * 4


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_restored_learner_continues_bit_for_bit(implementation, optimizer):
    recipes = four(0.1, optimizer=optimizer, order_seed=7, normalization="batch-after")
    whole, other = (learner(implementation, recipes, small_dataset()) for _ in range(2))
    network, plans = recipes[0].network(24, 10), [one.plan(500) for one in recipes]
    whole.run_epoch(stack_inputs(recipes, network, 0, plans))
    other.restore(whole.state())
    for group in (whole, other):
        group.run_epoch(stack_inputs(recipes, network, 1, plans))
    assert [bits(state) for state in other.state()] == [bits(state) for state in whole.state()]
    assert other.evaluate("test") == whole.evaluate("test")


def test_a_state_from_before_it_held_the_number_of_updates_continues(implementation):
    recipe = small_recipe(dtype="float64")
    whole, other = (learner(implementation, recipe, small_dataset("float64")) for _ in range(2))
    whole.run_epoch(epoch_inputs(rows(0, 1), [0.1, 0.1]))
    [state] = whole.state()
    other.restore([{name: value for name, value in state.items() if name != "updates"}])
    for group in (whole, other):
        group.run_epoch(epoch_inputs(rows(2), [0.1]))
    found, expected = other.state()[0], whole.state()[0]
    assert_same_states(
        {name: found[name] for name in expected if name != "updates"},
        {name: value for name, value in expected.items() if name != "updates"},
        1e-13,  # the same arithmetic
    )


@pytest.mark.parametrize("order_seed", [None, 7])
def test_a_network_that_diverges_is_frozen_and_disturbs_no_other(implementation, order_seed):
    recipes = four(dtype="float64", order_seed=order_seed)
    group, calm = (learner(implementation, recipes, small_dataset("float64")) for _ in range(2))
    network, plans = recipes[0].network(24, 10), [one.plan(500) for one in recipes]
    inputs = stack_inputs(recipes, network, 0, plans)
    calm.run_epoch(inputs)
    inputs.learning_rates[1, 6:] = 1e300
    costs = group.run_epoch(inputs)
    assert np.isfinite(costs).sum(axis=1).tolist() == [10, 7, 10, 10]
    assert group.diverged.tolist() == [False, True, False, False]
    frozen = group.state()[1]
    again = group.run_epoch(stack_inputs(recipes, network, 1, plans))
    assert not np.isfinite(again[1]).any()
    assert np.isnan(group.evaluate("test")[1].cost)
    for name in network.parameter_shapes:
        assert group.state()[1][name].tobytes() == frozen[name].tobytes()
    calm.run_epoch(stack_inputs(recipes, network, 1, plans))
    for i in (0, 2, 3):
        assert_same_states(group.state()[i], calm.state()[i], 1e-13)


def test_a_network_marked_by_the_caller_stays_where_it_is(implementation):
    recipes = four(order_seed=7)
    group = learner(implementation, recipes, small_dataset())
    group.run_epoch(epoch_inputs(rows(0, 1), np.full((4, 2), 0.01)))
    group.diverged[2] = True
    before = group.state()
    costs = group.run_epoch(epoch_inputs(rows(2, 3), np.full((4, 2), 0.01)))
    assert not np.isfinite(costs[2]).any()
    after = group.state()
    for name in recipes[0].network(24, 10).parameter_shapes:
        assert after[2][name].tobytes() == before[2][name].tobytes()
        assert after[1][name].tobytes() != before[1][name].tobytes()


@pytest.mark.parametrize("normalization", ["batch", "batch-after"])
def test_precise_statistics_are_those_of_the_whole_training_set(implementation, normalization):
    recipe = small_recipe(normalization=normalization, dropout=0.2, dtype="float64")
    dataset = small_dataset("float64")
    network = recipe.network(24, 10)
    twin = learner(implementation, recipe, dataset, random_parameters(network, 4))
    twin.run_epoch(stack_inputs([recipe], network, 0, [recipe.plan(500)]))
    twin.take_precise_statistics()
    [state] = twin.state()
    s = dataset.training.X @ state["W1"].T + state["b1"]
    z = s if normalization == "batch" else np.maximum(s, 0)
    np.testing.assert_allclose(state["mu1"], z.mean(axis=0), atol=1e-13)  # sums of 500 terms
    np.testing.assert_allclose(state["v1"], z.var(axis=0), rtol=1e-12)


def test_evaluation_before_there_are_running_statistics_is_refused(implementation):
    twin = learner(implementation, small_recipe(), small_dataset())
    with pytest.raises(RuntimeError, match="train on a minibatch first"):
        twin.evaluate("test")


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

    monkeypatch.setattr("twingrad.stacks.initialize", remembered)
    implementation.train_stacked(four(), small_dataset(), on_epoch=count)
    assert (len(drawn), alive) == (4, [0, 0])


def test_a_state_that_lacks_what_the_optimizer_remembers_is_refused(implementation):
    recipe = small_recipe(optimizer="adam", epochs=1)
    trained = learner(implementation, recipe, small_dataset())
    trained.run_epoch(epoch_inputs(rows(0, 1), [[0.01, 0.01]]))
    [state] = trained.state()
    del state["moment2.W1"]
    with pytest.raises(UserError, match=r"lacks moment2\.W1"):
        trained.restore([state])
