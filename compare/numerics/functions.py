"""Softmax; activations as functions of one argument, ours and others."""

from collections.abc import Callable, Mapping

import numpy as np
from scipy.special import expit

from compare.derivation import ACTIVATIONS

Activation = Callable[[np.ndarray], np.ndarray]


def softmax(s: np.ndarray, axis: int | None = 1) -> np.ndarray:
    """Softmax of logits (n, classes) along an axis; over all entries if it is None."""
    e = np.exp(s - s.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


SMOOTH_ACTIVATIONS: Mapping[str, Activation] = {
    kind: lambda s, f=one.value: f(s, 0.0)  # type: ignore[misc]
    for kind, one in ACTIVATIONS.items()
    if not one.kink
}
"""Activations with a derivation and without a kink, by kind."""

OTHER_ACTIVATIONS: Mapping[str, Activation] = {
    "softplus": lambda s: np.logaddexp(s, 0),
    "ELU": lambda s: np.where(s > 0, s, np.expm1(np.minimum(s, 0))),
    "SiLU (swish)": lambda s: s * expit(s),
    "GELU's approximation by tanh": lambda s: (
        s / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (s + 0.044715 * s**3)))
    ),
}
"""Activations without a derivation here."""
