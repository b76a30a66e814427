"""Softmax and activations against their formulas."""

import numpy as np

from compare.numerics.functions import OTHER_ACTIVATIONS, SMOOTH_ACTIVATIONS, softmax

S = np.linspace(-3, 3, 31)


def test_every_activation_is_what_its_name_says():
    expected = {
        "tanh": np.sinh(S) / np.cosh(S),
        "sigmoid": 1 / (1 + np.exp(-S)),
        "ELU": np.where(S > 0, S, np.exp(S) - 1),
        "SiLU (swish)": S / (1 + np.exp(-S)),
        "softplus": np.log(1 + np.exp(S)),
    }
    for name, values in expected.items():
        f = (OTHER_ACTIVATIONS | SMOOTH_ACTIVATIONS)[name]
        np.testing.assert_allclose(f(S), values, rtol=1e-12, atol=1e-15)
    approximation = OTHER_ACTIVATIONS["GELU's approximation by tanh"](S)
    assert 1e-5 < np.abs(SMOOTH_ACTIVATIONS["gelu"](S) - approximation).max() < 5e-4


def test_softmax_sums_to_1_along_its_axis():
    s = S[:30].reshape(10, 3)
    np.testing.assert_allclose(softmax(s).sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(softmax(s, axis=0).sum(axis=0), 1, rtol=1e-14)
    np.testing.assert_allclose(softmax(s, axis=None), np.exp(s) / np.exp(s).sum(), rtol=1e-13)
