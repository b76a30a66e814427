"""Least squares for the numbers in somebody's formula.

What a backward step makes of its terms is affine in their coefficients, so one linear system gives
them; what a forward pass makes of its own is not, and takes a few steps of Gauss and Newton.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compare.diagnosis.catalogue.fault import Inapplicable, Prediction
from compare.diagnosis.evidence import Evidence

SHOWS = 1e-9
"""Smallest effect of a coefficient, relative to the tensor, that it can be fitted to."""

CONDITION = 1e-7
"""Smallest singular value, relative to the largest, of coefficients that can be told apart."""

STEPS = 8
"""Of Gauss and Newton."""

NEAR = 100.0
"""Of a tensor's rounding: what the rounding of a fitted coefficient may leave of it."""

LARGEST = 1e12
"""Of a coefficient."""

WIDTH = 1e-5
"""Of a small difference."""

PROGRESS = 0.8
"""What a step may leave at most of what was left."""


Effect = dict[str, np.ndarray]
"""By tensor that changes, the change in units of the tensor."""


def effect(evidence: Evidence, one: Prediction, other: Prediction) -> Effect:
    """What differs between two predictions of what was found."""
    found: Effect = {}
    for name in one:
        if not evidence.found[name].shape == one[name].shape == other[name].shape:
            raise Inapplicable
        change = (one[name] - other[name]) / scale(evidence, name)
        noise = SHOWS * max(1, 1e-4 * evidence.units.get(name, 1) / scale(evidence, name))
        if np.isfinite(change).all() and np.abs(change).max(initial=0) > noise:
            found[name] = change.ravel()
    return found


def scale(evidence: Evidence, name: str) -> float:
    """The size of a tensor."""
    tensors = (evidence.found[name], evidence.right[name])
    return max(1e-300, *(float(np.abs(tensor).max(initial=0)) for tensor in tensors))


@dataclass(frozen=True)
class System:
    """Linear equations for coefficients.

    Arguments:
        evidence: of what the right sides are.
        effects: of every coefficient.
    """

    evidence: Evidence
    effects: Mapping[str, Effect]

    @property
    def tensors(self) -> list[str]:
        """What any coefficient changes, in order of execution."""
        return [n for n in self.evidence.order if any(n in e for e in self.effects.values())]

    def matrix(self, names: Sequence[str], tensors: Sequence[str]) -> np.ndarray:
        """(numbers, coefficients)"""
        sizes = {tensor: self.evidence.found[tensor].size for tensor in tensors}
        rows = [
            np.concatenate([self.effects[n].get(t, np.zeros(sizes[t])) for t in tensors])
            for n in names
        ]
        return np.stack(rows, axis=1)

    def determined(self, names: Sequence[str], tensors: Sequence[str]) -> bool:
        """Whether these tensors tell the coefficients apart."""
        if not names or not tensors:
            return False
        A = self.matrix(names, tensors)
        lengths = np.linalg.norm(A, axis=0)
        if not lengths.all():
            return False
        return bool(np.linalg.matrix_rank(A / lengths, tol=CONDITION) == len(names))

    def first(self, names: Sequence[str]) -> list[str]:
        """As many of the first tensors as tell the coefficients apart; empty if none do."""
        tensors = self.tensors
        for count in range(1, len(tensors) + 1):
            if self.determined(names, tensors[:count]):
                return tensors[:count]
        return []


Predict = Callable[[Mapping[str, float]], Prediction]


def solve(
    evidence: Evidence,
    predict: Predict,
    start: Mapping[str, float],
    effects: Mapping[str, Effect],
    *,
    steps: int,
) -> dict[str, float] | None:
    """The coefficients that explain the first tensors that they change; None if there are none.

    Arguments:
        start: the right coefficients.
        effects: of 1 more of each that is to be fitted.
        steps: of Gauss and Newton; 1 is enough where the tensors are affine in them.
    """
    chosen = list(effects)
    values, base, last = dict(start), predict(start), np.inf
    for _ in range(steps):
        if steps > 1:
            effects = {name: differential(evidence, predict, values, name, base) for name in chosen}
        system = System(evidence, effects)
        tensors = system.first(chosen)
        if not tensors:
            return None
        left = np.concatenate(
            [((evidence.found[t] - base[t]) / scale(evidence, t)).ravel() for t in tensors]
        )
        if not np.linalg.norm(left) < last:
            return None
        last = PROGRESS * float(np.linalg.norm(left))
        move, *_ = np.linalg.lstsq(system.matrix(chosen, tensors), left, rcond=None)
        if not np.isfinite(move).all() or np.abs(move).max() > LARGEST:
            return None
        values |= {name: values[name] + float(by) for name, by in zip(chosen, move, strict=True)}
        base = predict(values)
        if all(evidence.error(tensor, base[tensor]) <= NEAR for tensor in tensors):
            return {name: values[name] for name in chosen}
        if steps > 1:
            effects = {name: differential(evidence, predict, values, name, base) for name in chosen}
    return None


def differential(
    evidence: Evidence, predict: Predict, values: Mapping[str, float], name: str, base: Prediction
) -> Effect:
    """The derivative of the tensors by a coefficient, by a small difference."""
    moved = predict({**values, name: values[name] + WIDTH})
    return {t: change / WIDTH for t, change in effect(evidence, moved, base).items()}


def nearest(left: Callable[[float], np.ndarray], starts: Sequence[float]) -> float | None:
    """The size at which nothing is left, or the nearest to it; None if nothing changes."""
    size = min(starts, key=lambda start: float(np.linalg.norm(left(start))))
    for _ in range(STEPS):
        now = left(size)
        slope = (left(size * (1 + 1e-6)) - now) / 1e-6
        steep = float(slope @ slope)
        if not steep:
            return None
        move = float(np.clip(-(slope @ now) / steep, -3, 3))
        size *= float(np.exp(move))
        if abs(move) < 1e-12:
            break
    return size
