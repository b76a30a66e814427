import math

import numpy as np
import pytest

from twingrad.errors import UserError
from twingrad.initialization import initial_sigma, initialize
from twingrad.network import Network


@pytest.mark.parametrize(
    ("scheme", "sigma"), [("he", math.sqrt(2 / 50)), ("xavier", math.sqrt(1 / 50)), ("0.01", 0.01)]
)
def test_sigma_of_each_scheme(scheme, sigma):
    assert initial_sigma(scheme, fan_in=50) == sigma


@pytest.mark.parametrize("scheme", ["kaiming", "", "0", "-0.1", "nan", "inf"])
def test_other_schemes_are_refused(scheme):
    with pytest.raises(UserError, match="he, xavier or a positive sigma"):
        initial_sigma(scheme, fan_in=50)


@pytest.mark.parametrize("l", [1, 2])
def test_weights_have_mean_0_and_the_sigma_of_their_fan_in(l):
    W = initialize(Network(3072, (400,), 10), "he", seed=0)[f"W{l}"]
    sigma = math.sqrt(2 / W.shape[1])
    # five standard errors of a mean and of a standard deviation
    assert abs(W.mean()) < 5 * sigma / math.sqrt(W.size)
    assert abs(W.std() - sigma) < 5 * sigma / math.sqrt(2 * W.size)


def test_the_reports_first_penalty():
    # FACTS.md: sigma 0.01 on 312,700 weights and lambda 0.005 add 0.156 to ln 10: 2.459
    parameters = initialize(Network(3072, (100, 50), 10), "0.01", seed=0)
    squares = sum((parameters[f"W{l}"] ** 2).sum() for l in (1, 2, 3))
    assert round(math.log(10) + 0.005 * squares, 2) == 2.46


def test_everything_else_starts_at_its_constant():
    parameters = initialize(Network(4, (3,), 2, normalization="batch"), "he", seed=0)
    constants = {name: set(parameters[name]) for name in ("b1", "gamma1", "beta1", "b2")}
    assert constants == {"b1": {0.0}, "gamma1": {1.0}, "beta1": {0.0}, "b2": {0.0}}


def test_names_shapes_and_dtype():
    network = Network(4, (3, 5), 2, normalization="batch")
    parameters = initialize(network, "he", seed=0)
    assert {name: value.shape for name, value in parameters.items()} == network.parameter_shapes
    assert {value.dtype for value in parameters.values()} == {np.dtype(np.float64)}


def test_a_seed_gives_the_same_weights_again():
    first, again = (initialize(Network(4, (3,)), "he", seed=8)["W1"] for _ in range(2))
    assert first.tobytes() == again.tobytes()


def test_another_seed_gives_others():
    first, other = (initialize(Network(4, (3,)), "he", seed=seed)["W1"] for seed in (8, 9))
    assert (first != other).all()


def test_layers_of_equal_shape_differ():
    parameters = initialize(Network(6, (6, 6)), "he", seed=8)
    assert (parameters["W1"] != parameters["W2"]).all()


def test_a_layer_does_not_depend_on_what_follows():
    short = initialize(Network(4, (3,)), "he", seed=8)
    long = initialize(Network(4, (3, 7, 7), normalization="batch"), "he", seed=8)
    assert short["W1"].tobytes() == long["W1"].tobytes()
