"""Roles of arrays in a backward pass: which gradient each is, right or wrong."""

from dataclasses import dataclass, field

import numpy as np

from compare.watching.recording import Event
from compare.watching.values import Value, Values

LEAVES = ("W", "b", "gamma", "beta")

STATISTICS = ("mu", "v")
"""Gradients that programs compute in many forms, each a step towards that of s."""


@dataclass(frozen=True)
class Role:
    """The role of an array in the backward pass.

    Arguments:
        name: of what the gradient is by.
        status: "right", "inherits" or "wrong"; "update" for a new value of a parameter.
        value: the array; None where it was not seen and was worked out.
        gradient: in our orientation, with the program's own factor.
        c: the factor to the right gradient, or to the right step's.
        d: of a weight: the factor of W in it, over c; 0 elsewhere.
        error: relative to the largest entry.
        event: where it is assigned, if that is not where its array was first seen.
    """

    name: str
    status: str
    value: Value
    gradient: np.ndarray
    c: float
    d: float = 0.0
    error: float = 0.0
    event: Event | None = None

    @property
    def shown(self) -> Event:
        """The place where it is assigned."""
        return self.event or self.value.shown

    def decay(self, n: int) -> float:
        """The factor of W in a weight's gradient over that of the mean or the sum of n samples."""
        return self.d * self.c / nearest_scale(self.c, n)


@dataclass
class Roles:
    """All arrays identified in one backward pass.

    Arguments:
        found: by the name of what the gradient is by, the first array of each.
        copies: further arrays that are multiples of a gradient.
        updates: by the name of a parameter, its new value: W + c times the role's own gradient
            where that is so (d is then the factor of W); c is 0 where it is not.
        again: further new values of parameters.
        unexplained: arrays of the shape of some gradient that are none, in order.
    """

    found: dict[str, Role] = field(default_factory=dict)
    copies: list[Role] = field(default_factory=list)
    updates: dict[str, Role] = field(default_factory=dict)
    again: list[Role] = field(default_factory=list)
    unexplained: list[Value] = field(default_factory=list)


FACTOR = 1e-6
"""Relative tolerance within which a factor is 1 or n."""


def off(c: float, n: int) -> bool:
    """Whether a factor is neither 1 nor n, up to its sign."""
    near = nearest_scale(c, n)
    return abs(c - near) > FACTOR * abs(near)


def nearest_scale(c: float, n: int) -> float:
    """Which of 1, n and their negatives is closest to a factor: the mean or the sum."""
    if c == 0 or not np.isfinite(c):
        return 1.0
    size = n if abs(c) > n**0.5 else 1.0
    return float(np.copysign(size, c))


def backward_arrays(values: Values, start: int, end: int) -> list[Value]:
    """Arrays of floats first seen between two events, in order."""
    return [
        value for value in values.all if value.raw.dtype.kind == "f" and start < value.first < end
    ]
