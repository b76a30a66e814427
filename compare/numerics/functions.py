"""Softmax, and activations that the networks here do not have, by name."""

from collections.abc import Callable, Mapping

import numpy as np
from scipy.special import expit, ndtr

Activation = Callable[[np.ndarray], np.ndarray]


def softmax(s: np.ndarray, axis: int | None = 1) -> np.ndarray:
    """Softmax of logits (n, classes) along an axis; over all entries if it is None."""
    e = np.exp(s - s.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


def gelu(s: np.ndarray) -> np.ndarray:
    """s Phi(s), with the exact normal distribution function."""
    return np.asarray(s * ndtr(s))


SMOOTH_ACTIVATIONS: Mapping[str, Activation] = {"gelu": gelu, "tanh": np.tanh, "sigmoid": expit}
"""Activations with a derivation here and without a kink, by kind."""

OTHER_ACTIVATIONS: Mapping[str, Activation] = {
    "softplus": lambda s: np.logaddexp(s, 0),
    "ELU": lambda s: np.where(s > 0, s, np.expm1(np.minimum(s, 0))),
    "SiLU (swish)": lambda s: s * expit(s),
    "GELU's approximation by tanh": lambda s: (
        s / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (s + 0.044715 * s**3)))
    ),
}
"""Activations without a derivation here."""
