"""Recognise activations from their input and output."""

from dataclasses import dataclass

import numpy as np

from compare.numerics.functions import OTHER_ACTIVATIONS, SMOOTH_ACTIVATIONS
from compare.numerics.functions import Activation as Function
from compare.watching.relations import close, leaky_slope

KNOWN = "ReLU, leaky ReLU, GELU, tanh and the sigmoid"
"""Activations that can be judged."""

SMOOTH = 0.02
"""Maximum error of an interpolation, relative to the range, for h to be a function of z."""

FEWEST, MOST = 200, 4000
"""Minimum number of entries for an interpolation, and maximum number used."""

FEW = 4
"""Minimum number of entries for an activation to be told by its values."""


@dataclass(frozen=True)
class Activation:
    """An activation of ours.

    Arguments:
        kind: "relu", "leaky_relu" or one of `SMOOTH_ACTIVATIONS`.
        slope: of a leaky ReLU below 0.
    """

    kind: str
    slope: float = 0.0


RELU = Activation("relu")


FUNCTIONS: tuple[Function, ...] = (
    lambda z: np.maximum(z, 0),
    *SMOOTH_ACTIVATIONS.values(),
)
"""Activations without parameters."""

BELOW = {f: float(f(np.linspace(-40, 0, 4001)).min()) - 1e-3 for f in FUNCTIONS}
"""A number that no value of the function is below; the grid may miss the least by a little."""


def possible(h: np.ndarray) -> list[Function]:
    """The activations without parameters that can have the values h."""
    low = float(h.min(initial=0))
    return [f for f in FUNCTIONS if BELOW[f] <= low]


def activation_of(h: np.ndarray, z: np.ndarray, tolerance: float) -> Activation | None:
    """The activation f of h = f(z), both (n, m); None if it is not one of ours."""
    if h.shape != z.shape:
        return None
    slope = leaky_slope(h, z, tolerance)
    if slope is not None:
        return Activation("leaky_relu", slope) if slope else RELU
    if close(z, h, 10 * tolerance):  # as a tanh of small numbers
        return None
    for kind, f in SMOOTH_ACTIVATIONS.items():
        if close(f(z[:2]), h[:2], tolerance) and close(f(z), h, tolerance):
            return Activation(kind)
    return None


UNNAMED = "none that is known by name"


def other_activation(h: np.ndarray, z: np.ndarray, tolerance: float) -> str:
    """The name of f in h = f(z), entry by entry; "" if h is not a function of z."""
    if h.shape != z.shape or z.size < FEW or not np.isfinite(z).all():
        return ""
    if close(z, h, 10 * tolerance):  # as an ELU of positive numbers
        return ""
    with np.errstate(all="ignore"):
        for name, f in OTHER_ACTIVATIONS.items():
            if close(f(z[:2]), h[:2], 10 * tolerance) and close(f(z), h, 10 * tolerance):
                return name
    return UNNAMED if z.size >= FEWEST and is_function(h, z) else ""


def is_function(h: np.ndarray, z: np.ndarray) -> bool:
    """Whether h is a continuous, nonlinear function of z, judged by neighbours in z."""
    step = max(1, z.size // MOST)
    x, y = z.ravel()[::step], h.ravel()[::step]
    order = np.argsort(x)
    x, y = x[order], y[order]
    size = float(np.ptp(y))
    if size == 0 or np.ptp(x) == 0:
        return False
    between = np.interp(x[1:-1:2], x[::2], y[::2])
    straight = np.polyval(np.polyfit(x, y, 1), x)
    near = np.abs(between - y[1:-1:2]) <= SMOOTH * size
    return bool(near.mean() > 0.98 and np.abs(straight - y).max() > SMOOTH * size)
