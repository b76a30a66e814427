"""The labels of a minibatch, and the loss whose gradient follows from them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from compare.cases import one_hot
from compare.derivation.units import UNITS
from compare.watching.losses import computed_loss, logit_gradient, p_gradient
from compare.watching.rebuilt import Pass
from compare.watching.relations import Scaled, scaled
from compare.watching.values import Value, Values
from twingrad.layers import SIGMOID_LOSSES


@dataclass(frozen=True)
class Labels:
    """The classes of the samples of a pass.

    Arguments:
        y: (n,), from 0.
        value: the array they were read from.
        confirmed: whether an array of the program is a multiple of p - Y, or of the last layer's
            gradient that follows from it.
        loss: whose gradient that is, see `twingrad.network.Network`.
    """

    y: np.ndarray
    value: Value
    confirmed: bool
    loss: str = "cross_entropy"


Candidate = tuple[Value, np.ndarray]
"""An array, and the classes (n,) that it holds."""

LATEST = 20
"""Number of recent arrays that are tried as labels."""

FEWEST = 3
"""Minimum number of entries of an array that is taken for a multiple of another."""


def labels_of(values: Values, found: Pass, end: int) -> Labels | None:
    """The labels in p - Y; if that was not recorded, below a softmax the most recent ones."""
    n, classes = found.p.rows.shape
    candidates = label_candidates(values, end, n, classes)
    seen = BackwardArrays(values, found, end)
    if not found.softmax:
        likely = [*candidates[:LATEST], *taken_away_of(seen)]
        likely = [(value, y) for value, y in likely if np.ptp(y) or n == 1]
        told = by_gradient(seen, likely) or by_number(values, found, end, seen, likely)
        return told or latest_one_hot(seen, likely)
    for form in seen.forms:
        for value, y in candidates[:LATEST]:
            if seen.error(form(logit_gradient(seen.p, y, "cross_entropy"))) < seen.tolerance:
                return Labels(y, value, True)
    for value, y in taken_away_of(seen):
        return Labels(y, value, True)
    if candidates:
        value, y = candidates[0]
        return Labels(y, value, False)
    return None


def label_candidates(values: Values, end: int, n: int, classes: int) -> list[Candidate]:
    """Arrays that may be the labels, the latest first, one-hot ones before others, as classes."""
    seen = values.before(end, (n, classes)) if classes > 1 else []
    read = ((value, classes_in(value, n, classes)) for value in [*seen, *values.before(end, (n,))])
    return [
        (value, y)
        for value, y in read
        if y is not None and (value.raw.dtype.kind in "iu" or np.ptp(value.array))
    ]


def classes_in(value: Value, n: int, classes: int) -> np.ndarray | None:
    """The classes (n,) from 0 that an array holds, one-hot or as numbers; None if it holds none.

    A single unit has the classes 0 and 1. Numbers up to `classes` are classes from 1.
    """
    for rows, _ in value.views((n, classes)) if classes > 1 else ():
        if ((rows == 0) | (rows == 1)).all() and (rows.sum(axis=1) == 1).all():
            return np.asarray(rows.argmax(axis=1))
    a, numbers = value.array, max(classes, 2)
    if a.shape != (n,) or not (a == np.round(a)).all() or a.min() < 0 or a.max() > numbers:
        return None
    if a.max() < numbers:
        return a.astype(int)
    return a.astype(int) - 1 if a.min() >= 1 else None


class BackwardArrays:
    """The arrays of a backward pass in which labels may be."""

    def __init__(self, values: Values, found: Pass, end: int) -> None:
        self.p = found.p.rows
        self.h = found.layers[-1].h.rows
        self.tolerance = 10 * found.tolerance
        n, classes = self.p.shape
        self.forms = (lambda G: G, lambda G: G.T @ self.h, lambda G: G.sum(axis=0))
        self.gradients = [
            (value, rows)
            for value in values.within(found.index, end, (n, classes))
            for rows, _ in value.views((n, classes))
        ]
        others = ((classes, self.h.shape[1]), (classes,))
        self.arrays = {
            (n, classes): [rows for _, rows in self.gradients],
            **{
                shape: [
                    rows
                    for value in values.within(found.index, end, shape)
                    for rows, _ in value.views(shape)
                ]
                for shape in others
            },
        }

    @property
    def has_backward_pass(self) -> bool:
        """Whether some array, right or wrong, was used as the gradient of the logits: its product
        with the last layer's input was seen."""
        return any(
            rows.any() and self.error(rows.T @ self.h) < self.tolerance
            for _, rows in self.gradients
        )

    def error(self, expected: np.ndarray) -> float:
        """How far the nearest array is from a multiple of what is expected, relative to it."""
        return self.nearest(expected).error

    def nearest(self, expected: np.ndarray) -> Scaled:
        """The fit of the array that is nearest to a multiple of what is expected."""
        if expected.size < FEWEST:
            return Scaled(0.0, np.inf)
        fits = (scaled(rows, expected) for rows in self.arrays[expected.shape])
        return min(fits, key=lambda fit: fit.error, default=Scaled(0.0, np.inf))

    def fit(self, expected: np.ndarray, loss: str) -> tuple[bool, float]:
        """Whether the factor is none that the loss may have or the array is none, and the error.

        Where all p are 1/2, the gradients of both losses differ by the factor 4 alone.
        """
        nearest, n = self.nearest(expected), len(self.p)
        usual = [unit * c for unit in UNITS[loss](self.p.shape[1]).values() for c in (1, 1 / n)]
        factor = min((abs(abs(nearest.c) / c - 1) for c in usual), default=np.inf)
        return nearest.error >= self.tolerance or factor > self.tolerance, nearest.error


def taken_away_of(seen: BackwardArrays) -> Iterator[Candidate]:
    """Labels that were never assigned, read from p - Y."""
    for value, rows in seen.gradients:
        told = taken_away(seen.p, rows, seen.tolerance)
        if told is not None:
            yield value, told


def by_gradient(seen: BackwardArrays, candidates: list[Candidate]) -> Labels | None:
    """The labels and the loss of sigmoids whose gradient is among the arrays.

    p - Y itself does not tell the loss: it is a step of both gradients.
    """
    fits = [
        (*seen.fit(form(logit_gradient(seen.p, y, loss)), loss), at, loss)
        for loss in SIGMOID_LOSSES
        for form in (seen.forms if loss == "squared_error" else seen.forms[1:])
        for at, (_, y) in enumerate(candidates)
    ]
    _, error, at, loss = min(fits, default=(True, np.inf, 0, ""))
    if error >= seen.tolerance:
        return None
    value, y = candidates[at]
    return Labels(y, value, True, loss)


def by_number(
    values: Values, found: Pass, end: int, seen: BackwardArrays, candidates: list[Candidate]
) -> Labels | None:
    """The labels for which a number of the program is a loss of sigmoids, or for which a gradient
    by p is among the arrays; in that case the loss is taken to be the squared error."""
    for value, y in candidates:
        own = computed_loss(values, found, y, end, SIGMOID_LOSSES)
        if own is not None:
            return Labels(y, value, True, own.loss)
        by_p = (p_gradient(seen.p, one_hot(y, seen.p.shape[1]), loss) for loss in SIGMOID_LOSSES)
        if any(seen.error(expected) < seen.tolerance for expected in by_p):
            return Labels(y, value, True, "squared_error")
    return None


def latest_one_hot(seen: BackwardArrays, candidates: list[Candidate]) -> Labels | None:
    """The latest one-hot labels, not confirmed, if there is a backward pass."""
    whole = [pair for pair in candidates if pair[0].raw.size == seen.p.size > len(seen.p)]
    if not whole or not seen.has_backward_pass:
        return None
    value, y = whole[0]
    return Labels(y, value, False, "squared_error")


def taken_away(p: np.ndarray, G: np.ndarray, tolerance: float) -> np.ndarray | None:
    """The classes (n,) of which G is p - Y, or a part of it; None where it is not so.

    Such labels were never assigned: G[rows, y[sel]] -= 1.
    """
    for c in (1.0, float(len(p)), -1.0, -float(len(p))):
        Y = p - c * G
        ones = Y > 0.5
        if np.abs(Y - ones).max() > max(tolerance, 1e-7):
            continue
        if p.shape[1] == 1 and 0 < ones.sum() < len(ones):
            return np.asarray(ones[:, 0].astype(int))
        if (ones.sum(axis=1) == 1).all():
            return np.asarray(ones.argmax(axis=1))
    return None
