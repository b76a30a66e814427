"""Activations and layer norms told from their values alone, and labels from p - Y."""

import math

import numpy as np
import pytest
from scipy.special import ndtr

from compare.numerics.functions import softmax
from compare.watching.activations import Activation, activation_of, other_activation
from compare.watching.labels import taken_away
from compare.watching.normalisation import READINGS, SHRUNK, eps_of, layer_norm
from compare.watching.recording import Recording
from compare.watching.values import Values

Z = np.random.default_rng(1).normal(size=(40, 12))

TOLERANCE = 1e-8


@pytest.mark.parametrize(
    ("h", "expected"),
    [
        (np.maximum(Z, 0), Activation("relu")),
        (np.where(Z > 0, Z, 0.125 * Z), Activation("leaky_relu", 0.125)),
        (Z * ndtr(Z), Activation("gelu")),
        (np.tanh(Z), Activation("tanh")),
        (1 / (1 + np.exp(-Z)), Activation("sigmoid")),
        (np.arctan(Z), None),
        (Z, None),
    ],
)
def test_ours_are_told_apart(h: np.ndarray, expected: Activation | None) -> None:
    got = activation_of(h, Z, TOLERANCE)
    if expected is None:
        assert got is None
    else:
        assert got is not None
        assert got.kind == expected.kind
        assert got.slope == pytest.approx(expected.slope, abs=1e-12)


@pytest.mark.parametrize(
    ("h", "name"),
    [
        (np.where(Z > 0, Z, np.exp(Z) - 1), "ELU"),
        (np.arctan(Z), "none that is known by name"),
        (Z * np.random.default_rng(2).normal(size=Z.shape), ""),
        (2 * Z + 1, ""),
    ],
)
def test_others_are_named(h: np.ndarray, name: str) -> None:
    assert other_activation(h, Z, TOLERANCE) == name


@pytest.mark.parametrize(
    ("variance", "eps", "wrong"),
    [
        (Z.var(axis=1), 1e-5, ""),
        (Z.var(axis=1, ddof=1), 1e-5, READINGS[1]),
        (Z.var(axis=1, ddof=1), 1e-12, READINGS[1]),
    ],
)
def test_the_variance_of_a_layer_norm(variance: np.ndarray, eps: float, wrong: str) -> None:
    z = (Z - Z.mean(axis=1, keepdims=True)) / np.sqrt(variance + eps)[:, None]
    norm = layer_norm(z, Z, Values(Recording()), 0, TOLERANCE)
    assert norm is not None
    assert norm.wrong == wrong
    np.testing.assert_allclose(norm.gamma, 1, rtol=1e-6)


def test_a_variance_that_is_shrunk_is_no_other_reading() -> None:
    v = Z.var(axis=0)
    deviation = np.sqrt(v * 39 / 40 + 1e-5)
    fits = {reading: eps_of(reading, deviation, v, 40) for reading in READINGS}
    assert [reading for reading, (_, error) in fits.items() if error < 1e-9] == [SHRUNK]
    assert fits[SHRUNK][0] == pytest.approx(1e-5, rel=1e-6)


@pytest.mark.parametrize("factor", [1.0, 1 / 40, -1.0, -1 / 40])
def test_labels_that_were_never_assigned(factor: float) -> None:
    y = np.arange(40) % 12
    p = softmax(Z)
    got = taken_away(p, factor * (p - np.eye(12)[y]), 1e-7)
    assert got is not None
    assert got.tolist() == y.tolist()
    assert taken_away(p, 2 * (p - np.eye(12)[y]), 1e-7) is None


def test_the_softmax_of_all_entries_together() -> None:
    whole = softmax(Z, None)
    assert math.isclose(whole.sum(), 1)
    np.testing.assert_allclose(softmax(Z, 0).sum(axis=0), 1)
