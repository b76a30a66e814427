"""The losses that a program may have, from its probabilities p and the classes y: their values, and
their gradients by the logits, as in `twingrad.network`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compare.cases import one_hot
from compare.derivation.units import UNITS
from compare.watching.rebuilt import Pass
from compare.watching.recording import Event
from compare.watching.relations import TOLERANCE
from compare.watching.values import Values

BEFORE = 40
"""Number of events before the probabilities in which their loss is searched, since it may be
computed from their logarithm."""

SAME, SAME_32 = 1e-8, 1e-5
"""Maximum relative difference of a number from a loss that it is, in float64 and in float32."""


def logit_gradient(p: np.ndarray, y: np.ndarray, loss: str) -> np.ndarray:
    """n times the gradient of the mean loss by the logits, (n, classes)."""
    away = p - one_hot(y, p.shape[1])
    return away * p * (1 - p) if loss == "squared_error" else away


def p_gradient(p: np.ndarray, Y: np.ndarray, loss: str) -> np.ndarray:
    """n times the gradient of the mean loss by p, (n, classes)."""
    if loss == "cross_entropy":
        return -Y / p
    return p - Y if loss == "squared_error" else (p - Y) / (p * (1 - p))


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


@dataclass(frozen=True)
class Computed:
    """A loss that the program computes.

    Arguments:
        loss, unit: which one, and what it is times ours.
        event: where.
    """

    loss: str
    unit: float
    event: Event


def computed_loss(
    values: Values, found: Pass, y: np.ndarray, end: int, losses: Sequence[str]
) -> Computed | None:
    """The first of the losses that a number of the program is.

    Arguments:
        end: of the events after the pass in which the number is searched.
    """
    p, same = found.p.rows, SAME if found.tolerance <= TOLERANCE else SAME_32
    inside = values.recording.events[max(0, found.index - BEFORE) : end]
    events = [event for event in inside if event.value is not None]
    numbers = np.array([event.value for event in events], float)
    for loss in losses:
        ours = mean_loss(p, y, loss)
        for unit in UNITS[loss](p.shape[1]).values():
            for expected in (unit * ours, unit * len(y) * ours):
                if not 0 < expected < np.inf:  # p rounded to 0 or 1
                    continue
                near = np.abs(numbers - expected) <= same * expected
                if near.any():
                    return Computed(loss, unit, events[int(near.argmax())])
    return None
