"""What only the layers by hand do: complex arithmetic, and derivations that can be read off."""

import numpy as np
import pytest

from manual_impl.layers import (
    Affine,
    BatchNorm,
    ReLU,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
)
from twingrad.network import EPS, Network

NETWORK = Network(2, (2, 2), batch_norm=True)


def test_affine_forward_and_backward_by_hand():
    layer, trace = Affine(2, NETWORK), {}
    parameters = {
        "W2": np.array([[1.0, 2.0], [3.0, 4.0], [0.0, -1.0]]),
        "b2": np.array([1.0, 0, 5]),
    }
    x = np.array([[1.0, 1.0], [2.0, 0.0]])
    layer.forward(x, parameters, trace, None)
    assert trace["s2"].tolist() == [[4, 7, 4], [3, 6, 5]]
    gradients = {"s2": np.array([[1.0, 0, 2], [0, 1.0, 0]])}
    below = layer.backward(x, parameters, trace, gradients)
    assert gradients["W2"].tolist() == [[1, 1], [2, 0], [2, 2]]
    assert gradients["b2"].tolist() == [1, 1, 2]
    assert below.tolist() == [[1, 0], [3, 4]]


def test_nobody_needs_the_gradient_of_the_images():
    layer = Affine(1, NETWORK)
    x, parameters = np.ones((2, 3)), {"W1": np.ones((4, 3)), "b1": np.zeros(4)}
    assert layer.backward(x, parameters, {}, {"s1": np.ones((2, 4))}) is None


def test_batch_norm_forward_by_hand():
    trace = {}
    s = np.array([[1.0], [3.0], [5.0], [7.0]])
    BatchNorm(1, NETWORK).forward(
        s, {"gamma1": np.array([2.0]), "beta1": np.array([1.0])}, trace, None
    )
    # mean 4; biased variance (9 + 1 + 1 + 9) / 4
    assert (trace["mu1"].tolist(), trace["v1"].tolist()) == ([4], [5])
    expected = np.array([[-3], [-1], [1], [3]]) / np.sqrt(5)
    np.testing.assert_allclose(trace["s_hat1"], expected, rtol=1e-15)
    np.testing.assert_allclose(trace["s_tilde1"], 2 * expected + 1, rtol=1e-15)


def test_batch_norm_of_a_constant_unit_is_finite():
    trace, gradients = {}, {"s_tilde1": np.array([[1.0], [-2.0]])}
    parameters = {"gamma1": np.ones(1), "beta1": np.zeros(1)}
    s = np.full((2, 1), 0.5)
    BatchNorm(1, NETWORK).forward(s, parameters, trace, None)
    below = BatchNorm(1, NETWORK).backward(s, parameters, trace, gradients)
    assert trace["s_hat1"].tolist() == [[0], [0]]
    # with v = 0 only G / sqrt(eps) less its mean remains
    np.testing.assert_allclose(below, np.array([[1.5], [-1.5]]) / np.sqrt(EPS), rtol=1e-12)


def test_batch_norm_gradient_is_blind_to_shift_and_scale():
    rng = np.random.default_rng(0)
    s, G = rng.standard_normal((20, 4)), rng.standard_normal((20, 4))
    parameters = {"gamma1": rng.uniform(0.5, 1.5, 4), "beta1": rng.standard_normal(4)}
    trace = {}
    BatchNorm(1, NETWORK).forward(s, parameters, trace, None)
    below = BatchNorm(1, NETWORK).backward(s, parameters, trace, {"s_tilde1": G})
    # shifting or scaling s changes nothing, so the gradient has no part along either
    np.testing.assert_allclose(below.sum(axis=0), 0, atol=1e-13)
    np.testing.assert_allclose((below * trace["s_hat1"]).sum(axis=0), 0, atol=1e-13)


def test_relu_passes_what_is_positive():
    layer, trace, s = ReLU(1, NETWORK), {}, np.array([[-1.0, 0.0, 2.0]])
    layer.forward(s, {}, trace, None)
    assert trace["x1"].tolist() == [[0, 0, 2]]
    below = layer.backward(s, {}, trace, {"x1": np.array([[5.0, 6.0, 7.0]])})
    assert below.tolist() == [[0, 0, 7]]


def test_relu_decides_by_the_real_part():
    trace = {}
    ReLU(1, NETWORK).forward(np.array([[-1 + 5j, 2 - 5j]]), {}, trace, None)
    assert trace["x1"].tolist() == [[0, 2 - 5j]]


def test_softmax_gradient_sums_to_0_and_is_a_mean():
    s, y = np.array([[1.0, 2, 3], [0, 0, 0], [5, -5, 1]]), np.array([2, 0, 1])
    p, loss = softmax_cross_entropy(s, y)
    G = softmax_cross_entropy_backward(p, y)
    np.testing.assert_allclose(G.sum(axis=1), 0, atol=1e-16)
    np.testing.assert_allclose(G[1], np.array([-2, 1, 1]) / 9, rtol=1e-15)
    assert loss.shape == ()


@pytest.mark.parametrize("offset", [0.0, 1e4, -1e4])
def test_softmax_of_shifted_logits(offset):
    s = np.array([[0.25, 0.5, 1.0]])
    p, _ = softmax_cross_entropy(s + offset, np.array([0]))
    # an offset of 1e4 leaves 12 digits of the logits
    np.testing.assert_allclose(p, np.exp(s) / np.exp(s).sum(), rtol=1e-11)
