"""Costs other than the cross-entropy, told from the gradient of the logits."""

from collections.abc import Sequence

import numpy as np

from compare.watching.relations import scaled
from compare.watching.values import Value

SQUARED = "the squared error of the probabilities"


def squared_error(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The gradient of sum_j (p_j - Y_j)^2 / 2 of each sample by its logits, (n, classes).

    Arguments:
        p: (n, classes).
        y: (n,), the classes.
    """
    away = p - np.eye(p.shape[1])[y]
    return np.asarray(p * (away - (away * p).sum(axis=1, keepdims=True)))


def other_cost(p: np.ndarray, y: np.ndarray, arrays: Sequence[Value], tolerance: float) -> str:
    """The cost whose gradient by the logits is among the arrays of a backward pass, in words; ""
    where none of another cost than the cross-entropy is."""
    expected = squared_error(p, y)
    squared = any(
        scaled(rows, expected).error <= 10 * tolerance
        for value in arrays
        for rows, _ in value.views(expected.shape)
    )
    return SQUARED if squared else ""
