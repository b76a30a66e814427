"""The losses that a program may have, from its probabilities p and the classes y: their values, and
their gradients by the logits, as in `twingrad.network`."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from compare.cases import one_hot
from compare.watching.values import Values

SIGMOID_LOSSES = ("squared_error", "binary_cross_entropy")

BEFORE = 40
"""Number of events before the probabilities in which their loss is searched, since it may be
computed from their logarithm."""

SAME = 1e-6
"""Maximum relative difference of a number from a loss that it is."""

UNITS: Mapping[str, Callable[[int], dict[str, float]]] = {
    "cross_entropy": lambda K: {"cross-entropy of a softmax": 1.0},
    "binary_cross_entropy": lambda K: {
        "binary cross-entropy of sigmoids": 1.0,
        "binary cross-entropy of sigmoids, averaged over the classes": 1 / K,
    },
    "squared_error": lambda K: {
        "squared error of sigmoids, (p - Y)^2 / 2": 1.0,
        "squared error of sigmoids, (p - Y)^2": 2.0,
        "squared error of sigmoids, (p - Y)^2 / 2 averaged over the classes": 1 / K,
        "squared error of sigmoids, (p - Y)^2 averaged over the classes": 2 / K,
    },
}
"""What a program's loss may be, and what that is times ours, for K classes."""


def logit_gradient(p: np.ndarray, y: np.ndarray, loss: str) -> np.ndarray:
    """n times the gradient of the mean loss by the logits, (n, classes)."""
    away = p - one_hot(y, p.shape[1])
    return away * p * (1 - p) if loss == "squared_error" else away


def p_gradient(p: np.ndarray, Y: np.ndarray, loss: str) -> np.ndarray:
    """n times the gradient of the mean loss by p, (n, classes)."""
    if loss == "cross_entropy":
        return -Y / p
    return p - Y if loss == "squared_error" else (p - Y) / (p * (1 - p))


def loss_words(loss: str, classes: int, unit: float) -> str:
    """The loss of a program that is so many times ours."""
    return next(said for said, factor in UNITS[loss](classes).items() if factor == unit)


def mean_loss(p: np.ndarray, y: np.ndarray, loss: str) -> float:
    """The mean over the samples; infinite where p is 0 for a class that it should be 1 for."""
    Y = one_hot(y, p.shape[1])
    if loss == "squared_error":
        return float(np.square(p - Y).sum() / (2 * len(y)))
    with np.errstate(divide="ignore", invalid="ignore"):
        losses = -np.log(np.where(Y > 0, p, 1)) if loss == "cross_entropy" else binary(p, Y)
    return float(losses.sum() / len(y))


def binary(p: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """-log p where Y is 1, -log(1 - p) where it is 0."""
    return -np.log(np.where(Y > 0, p, 1 - p))


def computed_loss(
    values: Values, p: np.ndarray, y: np.ndarray, start: int, end: int, losses: Sequence[str]
) -> tuple[str, float]:
    """The loss that a number of the program is, and what that is times ours; the first of the
    losses, times 1, if there is none.

    Arguments:
        start, end: of the events in which the number is searched, and some before them.
    """
    inside = values.recording.events[max(0, start - BEFORE) : end]
    numbers = np.array([event.value for event in inside if event.value is not None], float)
    for loss in losses:
        ours = mean_loss(p, y, loss)
        for unit in UNITS[loss](p.shape[1]).values():
            for expected in (unit * ours, unit * len(y) * ours):
                if (np.abs(numbers - expected) <= SAME * expected).any():
                    return loss, unit
    return losses[0], 1.0
