import numpy as np
import pytest

from manual_impl.losses import loss_of
from twingrad.errors import UserError
from twingrad.network import Network

PLAIN = loss_of(Network(2, (), 3))
SMOOTHED = loss_of(Network(2, (), 3, smoothing=0.3))
BINARY = loss_of(Network(2, (), 3, loss="binary_cross_entropy"))
SQUARED = loss_of(Network(2, (), 3, loss="squared_error"))

HALVES = np.log([[1.0, 3.0, 1 / 3], [4.0, 1 / 4, 1.0]])
"""Logits of which the sigmoids are 1/2, 3/4, 1/4; 4/5, 1/5, 1/2."""


def test_smoothed_cross_entropy_by_hand():
    s, y = np.log([[1.0, 2, 5], [2.0, 1, 1]]), np.array([2, 1])
    p, loss = SMOOTHED.forward(s, y)
    np.testing.assert_allclose(p, [[1 / 8, 1 / 4, 5 / 8], [1 / 2, 1 / 4, 1 / 4]], rtol=1e-14)
    # t is 0.8 for the class and 0.1 for either other
    first = -(0.1 * np.log(1 / 8) + 0.1 * np.log(1 / 4) + 0.8 * np.log(5 / 8))
    second = -(0.1 * np.log(1 / 2) + 0.8 * np.log(1 / 4) + 0.1 * np.log(1 / 4))
    np.testing.assert_allclose(loss, (first + second) / 2, rtol=1e-14)
    G = SMOOTHED.backward(p, y)
    expected = [[0.025 / 2, 0.15 / 2, -0.175 / 2], [0.4 / 2, -0.55 / 2, 0.15 / 2]]
    np.testing.assert_allclose(G, expected, rtol=1e-14)


def test_softmax_gradient_sums_to_0_and_is_a_mean():
    s, y = np.array([[1.0, 2, 3], [0, 0, 0], [5, -5, 1]]), np.array([2, 0, 1])
    p, loss = PLAIN.forward(s, y)
    G = PLAIN.backward(p, y)
    np.testing.assert_allclose(G.sum(axis=1), 0, atol=1e-16)
    np.testing.assert_allclose(G[1], np.array([-2, 1, 1]) / 9, rtol=1e-15)
    assert loss.shape == ()


@pytest.mark.parametrize("offset", [0.0, 1e4, -1e4])
def test_softmax_of_shifted_logits(offset):
    s = np.array([[0.25, 0.5, 1.0]])
    p, _ = PLAIN.forward(s + offset, np.array([0]))
    # an offset of 1e4 leaves 12 digits of the logits
    np.testing.assert_allclose(p, np.exp(s) / np.exp(s).sum(), rtol=1e-11)


def test_binary_cross_entropy_by_hand():
    p, loss = BINARY.forward(HALVES, np.array([1, 1]))
    np.testing.assert_allclose(p, [[1 / 2, 3 / 4, 1 / 4], [4 / 5, 1 / 5, 1 / 2]], rtol=1e-15)
    first = -np.log(1 / 2) - np.log(3 / 4) - np.log(3 / 4)
    second = -np.log(1 / 5) - np.log(1 / 5) - np.log(1 / 2)
    np.testing.assert_allclose(loss, (first + second) / 2, rtol=1e-15)
    expected = np.array([[1 / 2, -1 / 4, 1 / 4], [4 / 5, -4 / 5, 1 / 2]]) / 2
    np.testing.assert_allclose(BINARY.backward(p, np.array([1, 1])), expected, rtol=1e-15)


def test_squared_error_by_hand():
    p, loss = SQUARED.forward(HALVES, np.array([1, 1]))
    np.testing.assert_allclose(loss, (1 / 4 + 2 / 16 + 2 * 16 / 25 + 1 / 4) / 4, rtol=1e-15)
    slopes = np.array([[1 / 4, 3 / 16, 3 / 16], [4 / 25, 4 / 25, 1 / 4]])
    expected = np.array([[1 / 2, -1 / 4, 1 / 4], [4 / 5, -4 / 5, 1 / 2]]) * slopes / 2
    np.testing.assert_allclose(SQUARED.backward(p, np.array([1, 1])), expected, rtol=1e-15)


def test_the_label_of_a_single_unit_is_its_target():
    network = Network(2, (), 1, loss="binary_cross_entropy")
    p, loss = loss_of(network).forward(HALVES[:, 1:2], np.array([1, 0]))
    np.testing.assert_allclose(loss, (-np.log(3 / 4) - np.log(4 / 5)) / 2, rtol=1e-15)
    G = loss_of(network).backward(p, np.array([1, 0]))
    np.testing.assert_allclose(G, [[-1 / 8], [1 / 10]], rtol=1e-14)


@pytest.mark.parametrize("size", [50.0, 800.0])
def test_large_logits_do_not_overflow(size):
    with np.errstate(all="raise", under="ignore"):
        p, loss = BINARY.forward(np.array([[size, -size, size]]), np.array([0]))
    np.testing.assert_allclose(p, [[1, 0, 1]], atol=1e-15)
    np.testing.assert_allclose(loss, size, rtol=1e-15)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"classes": 1}, "a softmax needs at least 2"),
        ({"classes": 0, "loss": "squared_error"}, "a layer needs at least 1"),
        ({"loss": "hinge"}, "loss is 'hinge', but expected one of"),
        ({"loss": "squared_error", "smoothing": 0.1}, "label smoothing is for 'cross_entropy'"),
    ],
)
def test_what_a_loss_does_not_go_with(fields, words):
    with pytest.raises(UserError, match=words):
        Network(2, (), **fields)
