"""Fit the coefficients of a formula by least squares.

A backward step is affine in the coefficients of its terms, so one linear system gives them. A
forward pass is not, and takes a few Gauss-Newton steps.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compare.diagnosis.catalogue.fault import Inapplicable, Prediction
from compare.diagnosis.evidence import Evidence

SHOWS = 1e-9
"""Smallest effect of a coefficient, relative to the tensor, that can be fitted."""

CONDITION = 1e-7
"""Smallest singular value, relative to the largest, of coefficients that can be told apart."""

MAX_STEPS = 8
"""Maximum number of Gauss-Newton steps."""

MAX_ERROR = 100.0
"""Largest residual of an accepted fit, in units of the tensor's rounding error."""

MAX_COEFFICIENT = 1e12
"""Largest absolute value of a coefficient."""

DIFFERENCE = 1e-5
"""Step of a finite difference."""

MAX_RATIO = 0.8
"""Largest ratio of the residuals after and before a step; above it, the fit fails."""


Effect = dict[str, np.ndarray]
"""Change of each affected tensor, relative to the tensor."""


def effect(evidence: Evidence, one: Prediction, other: Prediction) -> Effect:
    """Difference between two predictions, by tensor."""
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
    """Largest absolute entry of a tensor, found or right."""
    tensors = (evidence.found[name], evidence.right[name])
    return max(1e-300, *(float(np.abs(tensor).max(initial=0)) for tensor in tensors))


@dataclass(frozen=True)
class System:
    """Linear equations for coefficients.

    Arguments:
        evidence: gives the right-hand sides.
        effects: effect of every coefficient.
    """

    evidence: Evidence
    effects: Mapping[str, Effect]

    @property
    def tensors(self) -> list[str]:
        """Tensors that a coefficient changes, in order of execution."""
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
        """The fewest leading tensors that determine the coefficients; empty if none do."""
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
    """Fit the coefficients to the first tensors that they change; None if no fit explains these.

    Arguments:
        start: the right coefficients.
        effects: the effect of adding 1 to each coefficient that is fitted.
        steps: Gauss-Newton steps; 1 is enough if the tensors are affine in the coefficients.
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
        last = MAX_RATIO * float(np.linalg.norm(left))
        move, *_ = np.linalg.lstsq(system.matrix(chosen, tensors), left, rcond=None)
        if not np.isfinite(move).all() or np.abs(move).max() > MAX_COEFFICIENT:
            return None
        values |= {name: values[name] + float(by) for name, by in zip(chosen, move, strict=True)}
        base = predict(values)
        if all(evidence.error(tensor, base[tensor]) <= MAX_ERROR for tensor in tensors):
            return {name: values[name] for name in chosen}
    return None


def differential(
    evidence: Evidence, predict: Predict, values: Mapping[str, float], name: str, base: Prediction
) -> Effect:
    """Derivative of the tensors with respect to a coefficient, by a finite difference."""
    moved = predict({**values, name: values[name] + DIFFERENCE})
    return {t: change / DIFFERENCE for t, change in effect(evidence, moved, base).items()}


def nearest(left: Callable[[float], np.ndarray], starts: Sequence[float]) -> float | None:
    """The size that makes the residual `left` smallest; None if the size changes nothing."""
    size = min(starts, key=lambda start: float(np.linalg.norm(left(start))))
    for _ in range(MAX_STEPS):
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
