"""Each layer by itself against numbers that can be followed on paper."""

import numpy as np
import pytest

from manual_impl.layers import (
    LAYERS,
    Affine,
    BatchNorm,
    Dropout,
    LayerNorm,
    LeakyReLU,
    Pass,
    ReLU,
    build,
)
from twingrad.layers import KINDS, Layer
from twingrad.network import EPS, Network

NETWORK = Network(2, (2, 2), slope=0.25, dropout=0.2)

BATCH = Layer("batch_norm", 1, "s1", 1, 1)
LAYER = Layer("layer_norm", 1, "s1", 4, 4)
DROP = Layer("dropout", 1, "x1", 3, 3)


def test_every_kind_has_its_layer():
    assert {type(layer).__name__ for layer in build(Network(2, (2,), 2, dropout=0.5))} == {
        "Affine",
        "ReLU",
        "Dropout",
    }
    for normalization in ("batch", "batch-after", "layer"):
        network = Network(2, (2,), 2, normalization, "leaky_relu", dropout=0.5)
        assert [layer.output for layer in build(network)] == [
            place.output for place in network.layers
        ]
    assert set(KINDS) == set(LAYERS)


def test_affine_forward_and_backward_by_hand():
    layer = Affine(Layer("affine", 2, "x1", 2, 3), NETWORK)
    run = Pass(
        {
            "W2": np.array([[1.0, 2.0], [3.0, 4.0], [0.0, -1.0]]),
            "b2": np.array([1.0, 0, 5]),
        }
    )
    x = np.array([[1.0, 1.0], [2.0, 0.0]])
    layer.forward(x, run)
    assert run.trace["s2"].tolist() == [[4, 7, 4], [3, 6, 5]]
    run.gradients["s2"] = np.array([[1.0, 0, 2], [0, 1.0, 0]])
    below = layer.backward(x, run)
    assert run.gradients["W2"].tolist() == [[1, 1], [2, 0], [2, 2]]
    assert run.gradients["b2"].tolist() == [1, 1, 2]
    assert below.tolist() == [[1, 0], [3, 4]]


def test_nobody_needs_the_gradient_of_the_images():
    layer = Affine(Layer("affine", 1, "X", 3, 4), NETWORK)
    run = Pass({"W1": np.ones((4, 3)), "b1": np.zeros(4)}, gradients={"s1": np.ones((2, 4))})
    assert layer.backward(np.ones((2, 3)), run) is None


def test_batch_norm_forward_by_hand():
    run = Pass({"gamma1": np.array([2.0]), "beta1": np.array([1.0])})
    BatchNorm(BATCH, NETWORK).forward(np.array([[1.0], [3.0], [5.0], [7.0]]), run)
    # mean 4; biased variance (9 + 1 + 1 + 9) / 4
    assert (run.trace["mu1"].tolist(), run.trace["v1"].tolist()) == ([4], [5])
    expected = np.array([[-3], [-1], [1], [3]]) / np.sqrt(5)
    np.testing.assert_allclose(run.trace["s_hat1"], expected, rtol=1e-15)
    np.testing.assert_allclose(run.trace["s_tilde1"], 2 * expected + 1, rtol=1e-15)


def test_batch_norm_backward_by_hand():
    run = Pass({"gamma1": np.array([2.0]), "beta1": np.array([1.0])})
    s, layer = np.array([[1.0], [3.0], [5.0], [7.0]]), BatchNorm(BATCH, NETWORK)
    layer.forward(s, run)
    run.gradients["s_tilde1"] = np.array([[1.0], [0], [0], [0]])
    below = layer.backward(s, run)
    root = np.sqrt(5)
    expected = {
        "gamma1": [-3 / root],
        "beta1": [1],
        "s_hat1": [[2], [0], [0], [0]],
        "v1": [-0.5 * 2 * (-3 / root) / 5],
        "mu1": [-2 / root],
    }
    for name, value in expected.items():
        np.testing.assert_allclose(run.gradients[name], value, rtol=1e-14, err_msg=name)
    # G_hat = (2, 0, 0, 0): less its mean 1/2, less s_hat times mean(G_hat s_hat) = -6 / (4 root)
    hat = np.array([-3, -1, 1, 3]) / root
    expected = (np.array([2, 0, 0, 0]) - 0.5 + hat * 1.5 / root) / root
    np.testing.assert_allclose(below[:, 0], expected, rtol=1e-14)


def test_batch_norm_with_running_statistics_by_hand():
    statistics = {"mu1": np.array([2.0]), "v1": np.array([4.0])}
    run = Pass({"gamma1": np.array([3.0]), "beta1": np.array([1.0])}, statistics)
    BatchNorm(BATCH, NETWORK).forward(np.array([[2.0], [6.0]]), run)
    assert run.trace["s_hat1"].tolist() == [[0], [2]]
    assert run.trace["s_tilde1"].tolist() == [[1], [7]]
    assert (statistics["mu1"].tolist(), statistics["v1"].tolist()) == ([2], [4])


def test_batch_norm_of_a_constant_unit_is_finite():
    run = Pass({"gamma1": np.ones(1), "beta1": np.zeros(1)})
    s, layer = np.full((2, 1), 0.5), BatchNorm(BATCH, NETWORK)
    layer.forward(s, run)
    run.gradients["s_tilde1"] = np.array([[1.0], [-2.0]])
    below = layer.backward(s, run)
    assert run.trace["s_hat1"].tolist() == [[0], [0]]
    # with v = 0 only G / sqrt(eps) less its mean remains
    np.testing.assert_allclose(below, np.array([[1.5], [-1.5]]) / np.sqrt(EPS), rtol=1e-12)


def test_layer_norm_forward_by_hand():
    run = Pass({"gamma1": np.array([1.0, 2, 1, 2]), "beta1": np.array([0.0, 0, 10, 10])})
    s = np.array([[1.0, 3, 5, 7], [2.0, 2, 2, 6]])
    LayerNorm(LAYER, NETWORK).forward(s, run)
    # means 4 and 3; biased variances (9 + 1 + 1 + 9) / 4 and (1 + 1 + 1 + 9) / 4
    assert (run.trace["mu1"].tolist(), run.trace["v1"].tolist()) == ([4, 3], [5, 3])
    hat = np.array([np.array([-3, -1, 1, 3]) / np.sqrt(5), np.array([-1, -1, -1, 3]) / np.sqrt(3)])
    np.testing.assert_allclose(run.trace["s_hat1"], hat, rtol=1e-15)
    expected = [
        [hat[0, 0], 2 * hat[0, 1], hat[0, 2] + 10, 2 * hat[0, 3] + 10],
        [hat[1, 0], 2 * hat[1, 1], hat[1, 2] + 10, 2 * hat[1, 3] + 10],
    ]
    np.testing.assert_allclose(run.trace["s_tilde1"], expected, rtol=1e-15)


def test_layer_norm_backward_by_hand():
    run = Pass({"gamma1": np.array([2.0, 1, 1, 1]), "beta1": np.zeros(4)})
    s, layer = np.array([[1.0, 3, 5, 7], [2.0, 2, 2, 6]]), LayerNorm(LAYER, NETWORK)
    layer.forward(s, run)
    run.gradients["s_tilde1"] = np.array([[1.0, 0, 0, 0], [0, 0, 0, 1.0]])
    below = layer.backward(s, run)
    root5, root3 = np.sqrt(5), np.sqrt(3)
    expected = {
        "gamma1": [-3 / root5, 0, 0, 3 / root3],
        "beta1": [1, 0, 0, 1],
        "s_hat1": [[2, 0, 0, 0], [0, 0, 0, 1]],
        "v1": [-0.5 * 2 * (-3 / root5) / 5, -0.5 * (3 / root3) / 3],
        "mu1": [-2 / root5, -1 / root3],
    }
    for name, value in expected.items():
        np.testing.assert_allclose(run.gradients[name], value, rtol=1e-14, err_msg=name)
    # G_hat less its mean, less s_hat times mean(G_hat s_hat), which is -6 / (4 root5)
    hat = np.array([-3, -1, 1, 3]) / root5
    first = (np.array([2, 0, 0, 0]) - 0.5 + hat * 1.5 / root5) / root5
    # and 3 / (4 root3)
    hat = np.array([-1, -1, -1, 3]) / root3
    second = (np.array([0, 0, 0, 1]) - 0.25 - hat * 0.75 / root3) / root3
    np.testing.assert_allclose(below, [first, second], rtol=1e-14, atol=1e-15)


def test_layer_norm_does_not_use_running_statistics():
    parameters = {"gamma1": np.ones(4), "beta1": np.zeros(4)}
    s, layer = np.array([[1.0, 3, 5, 7]]), LayerNorm(LAYER, NETWORK)
    with_statistics, without = Pass(parameters, statistics={}), Pass(parameters)
    layer.forward(s, with_statistics)
    layer.forward(s, without)
    assert with_statistics.trace["s_hat1"].tolist() == without.trace["s_hat1"].tolist()


@pytest.mark.parametrize(("kind", "place", "axis"), [(BatchNorm, BATCH, 0), (LayerNorm, LAYER, 1)])
def test_a_normalisation_s_gradient_is_blind_to_shift_and_scale(kind, place, axis):
    rng = np.random.default_rng(0)
    s, G = rng.standard_normal((20, 4)), rng.standard_normal((20, 4))
    run = Pass({"gamma1": rng.uniform(0.5, 1.5, 4), "beta1": rng.standard_normal(4)})
    layer = kind(place, NETWORK)
    layer.forward(s, run)
    run.gradients["s_tilde1"] = G
    below = layer.backward(s, run)
    # shifting or scaling s changes nothing, so the gradient has no part along either
    np.testing.assert_allclose(below.sum(axis=axis), 0, atol=1e-13)
    np.testing.assert_allclose((below * run.trace["s_hat1"]).sum(axis=axis), 0, atol=1e-13)


@pytest.mark.parametrize("letter", ["s", "x"])
def test_names_follow_the_side_of_the_activation(letter):
    run = Pass({"gamma1": np.ones(1), "beta1": np.zeros(1)})
    BatchNorm(Layer("batch_norm", 1, f"{letter}1", 1, 1), NETWORK).forward(np.eye(2)[:, :1], run)
    assert list(run.trace) == ["mu1", "v1", f"{letter}_hat1", f"{letter}_tilde1"]


@pytest.mark.parametrize(
    ("kind", "expected", "gradient"),
    [("relu", [[0, 0, 2]], [[0, 0, 7]]), ("leaky_relu", [[-0.25, 0, 2]], [[1.25, 1.5, 7]])],
)
def test_what_is_positive_passes(kind, expected, gradient):
    layer, s = LAYERS[kind](Layer(kind, 1, "s1", 3, 3), NETWORK), np.array([[-1.0, 0.0, 2.0]])
    run = Pass({})
    layer.forward(s, run)
    assert run.trace["x1"].tolist() == expected
    run.gradients["x1"] = np.array([[5.0, 6.0, 7.0]])
    assert layer.backward(s, run).tolist() == gradient


def test_gelu_by_hand():
    layer, s = LAYERS["gelu"](Layer("gelu", 1, "s1", 3, 3), NETWORK), np.array([[-1.0, 0.0, 1.0]])
    run = Pass({}, gradients={"x1": np.array([[1.0, 3.0, 2.0]])})
    layer.forward(s, run)
    below, density = 0.15865525393145705, 0.24197072451914337  # of the normal distribution at -1
    np.testing.assert_allclose(run.trace["x1"], [[-below, 0, 1 - below]], rtol=1e-14)
    expected = [[below - density, 1.5, 2 * (1 - below + density)]]
    np.testing.assert_allclose(layer.backward(s, run), expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("kind", "expected", "slopes"),
    [
        ("tanh", [-0.7615941559557649, 0, 1], [0.41997434161402614, 1, 0]),
        ("sigmoid", [0.2689414213699951, 0.5, 1], [0.19661193324148185, 0.25, 0]),
    ],
)
def test_squashing_by_hand(kind, expected, slopes):
    layer = LAYERS[kind](Layer(kind, 1, "s1", 3, 3), NETWORK)
    s, G = np.array([[-1.0, 0.0, 1e4]]), np.array([[1.0, 3.0, 2.0]])
    run = Pass({}, gradients={"x1": G})
    with np.errstate(all="raise"):  # at 1e4, exp would overflow
        layer.forward(s, run)
        got = layer.backward(s, run)
    np.testing.assert_allclose(run.trace["x1"], [expected], rtol=1e-14)
    np.testing.assert_allclose(got, G * slopes, rtol=1e-14)


@pytest.mark.parametrize(("kind", "left"), [(ReLU, 0), (LeakyReLU, -0.25 + 1.25j)])
def test_an_activation_decides_by_the_real_part(kind, left):
    run = Pass({})
    kind(Layer("relu", 1, "s1", 2, 2), NETWORK).forward(np.array([[-1 + 5j, 2 - 5j]]), run)
    assert run.trace["x1"].tolist() == [[left, 2 - 5j]]


def test_dropout_by_hand():
    layer, mask = Dropout(DROP, NETWORK), np.array([[True, False, True]])
    run = Pass({}, masks={"mask1": mask})
    x = np.array([[4.0, 8.0, -12.0]])
    layer.forward(x, run)
    # kept with probability 0.8: divided by it
    np.testing.assert_allclose(run.trace["x_drop1"], [[5, 0, -15]], rtol=1e-15)
    run.gradients["x_drop1"] = np.array([[8.0, 8.0, 16.0]])
    np.testing.assert_allclose(layer.backward(x, run), [[10, 0, 20]], rtol=1e-15)


def test_dropout_without_masks_keeps_everything():
    layer, x = Dropout(DROP, NETWORK), np.array([[4.0, 8.0, -12.0]])
    run = Pass({})
    layer.forward(x, run)
    run.gradients["x_drop1"] = x
    assert run.trace["x_drop1"].tolist() == layer.backward(x, run).tolist() == x.tolist()
