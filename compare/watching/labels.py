"""The labels of a minibatch, and the loss whose gradient follows from them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from compare.cases import one_hot
from compare.derivation.units import UNITS
from compare.watching.losses import SIGMOID_LOSSES, computed_loss, logit_gradient, p_gradient
from compare.watching.rebuilt import Pass
from compare.watching.relations import Scaled, scaled
from compare.watching.values import Value, Values


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
        return labels_of_sigmoids(values, found, seen, end, likely)
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


def label_candidates(
    values: Values, end: int, n: int, classes: int
) -> list[tuple[Value, np.ndarray]]:
    """Arrays that may be the labels, the latest first, one-hot ones before others, as classes."""
    candidates: list[tuple[Value, np.ndarray]] = []
    for value in values.before(end, (n, classes)) if classes > 1 else ():
        for rows, _ in value.views((n, classes)):
            if ((rows == 0) | (rows == 1)).all() and (rows.sum(axis=1) == 1).all():
                candidates.append((value, rows.argmax(axis=1)))
    numbers = max(classes, 2)
    for value in values.before(end, (n,)):
        a = value.array
        if value.raw.dtype.kind not in "iu" and not ((a == np.round(a)).all() and np.ptp(a) > 0):
            continue
        if a.min() >= 0 and a.max() < numbers:
            candidates.append((value, a.astype(int)))
        elif a.min() >= 1 and a.max() <= numbers:
            candidates.append((value, a.astype(int) - 1))
    return candidates


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


def taken_away_of(seen: BackwardArrays) -> Iterator[tuple[Value, np.ndarray]]:
    """Labels that were never assigned, read from p - Y."""
    for value, rows in seen.gradients:
        told = taken_away(seen.p, rows, seen.tolerance)
        if told is not None:
            yield value, told


def labels_of_sigmoids(
    values: Values, found: Pass, seen: BackwardArrays, end: int,
    candidates: list[tuple[Value, np.ndarray]],
) -> Labels | None:  # fmt: skip
    """The labels in p - Y, with the loss: that of the gradients. If these are of neither loss, that
    of a number that the program computes, with its labels; without any, the squared error. If none
    of these was seen, but a backward pass, the labels are the latest one-hot ones.

    The gradient by p alone does not tell: with any loss, p - Y is a natural thing to compute.
    """
    fits = [
        (*seen.fit(form(logit_gradient(seen.p, y, loss)), loss), at, loss)
        for loss in SIGMOID_LOSSES
        for form in (seen.forms if loss == "squared_error" else seen.forms[1:])
        for at, (_, y) in enumerate(candidates)
    ]
    _, error, at, loss = min(fits, default=(True, np.inf, 0, ""))
    if error < seen.tolerance:
        value, y = candidates[at]
        return Labels(y, value, True, loss)
    for value, y in candidates:
        by_p = (p_gradient(seen.p, one_hot(y, seen.p.shape[1]), loss) for loss in SIGMOID_LOSSES)
        own = computed_loss(values, found, y, end, SIGMOID_LOSSES)
        if own is not None or any(seen.error(expected) < seen.tolerance for expected in by_p):
            return Labels(y, value, True, SIGMOID_LOSSES[0] if own is None else own.loss)
    one_hot_ones = [pair for pair in candidates if pair[0].raw.size == seen.p.size > len(seen.p)]
    if one_hot_ones and seen.has_backward_pass:
        value, y = one_hot_ones[0]
        return Labels(y, value, False, SIGMOID_LOSSES[0])
    return None


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
