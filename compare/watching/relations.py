"""Relations between the arrays of a network's layers. Samples are rows."""

from dataclasses import dataclass

import numpy as np

TOLERANCE = 1e-8
"""Tolerance relative to the largest entry, for float64."""

TOLERANCE_32 = 1e-4
"""The same for float32."""


def close(a: np.ndarray, b: np.ndarray, tolerance: float = TOLERANCE) -> bool:
    """Whether two arrays are equal up to rounding."""
    if a.shape != b.shape:
        return False
    scale = max(float(np.abs(b).max(initial=0)), float(np.abs(a).max(initial=0)), 1e-300)
    return bool(np.abs(a - b).max(initial=0) <= tolerance * scale)


def sums_to_one(a: np.ndarray) -> list[int]:
    """The axes along which a matrix contains probabilities that are not all 0 or 1."""
    if a.ndim != 2 or min(a.shape) < 2 or a.min() < 0 or a.max() > 1 + 1e-6:
        return []
    if ((a == 0) | (a == 1)).all():
        return []
    return [axis for axis in (1, 0) if np.abs(a.sum(axis=axis) - 1).max() < 1e-5]


def is_distribution(a: np.ndarray) -> bool:
    """Whether a vector contains the probabilities of one sample's classes, not all 0 or 1."""
    if a.ndim != 1 or len(a) < 2 or a.min() < 0 or a.max() >= 1:
        return False
    return abs(float(a.sum()) - 1) < 1e-6 and bool(np.ptp(a) > 0)


def shares_of_one(a: np.ndarray) -> bool:
    """Whether all entries of a matrix are positive and sum to 1."""
    if a.ndim != 2 or min(a.shape) < 2 or a.min() <= 0 or a.max() >= 1:
        return False
    return abs(float(a.sum()) - 1) < 1e-6


@dataclass(frozen=True)
class Scaled:
    """a = c b.

    Arguments:
        c: the factor.
        error: largest difference relative to a's largest entry.
    """

    c: float
    error: float


def scaled(a: np.ndarray, b: np.ndarray) -> Scaled:
    """The factor by which b is closest to a."""
    square = float((b * b).sum())
    top = float(np.abs(a).max(initial=0))
    if a.shape != b.shape or square == 0 or top == 0:
        return Scaled(0.0, np.inf)
    c = float((a * b).sum()) / square
    return Scaled(c, float(np.abs(a - c * b).max()) / top)


@dataclass(frozen=True)
class TwoTerms:
    """a = c b + d w."""

    c: float
    d: float
    error: float


def two_terms(a: np.ndarray, b: np.ndarray, w: np.ndarray) -> TwoTerms:
    """The factors by which a combination of b and w is closest to a."""
    if not a.shape == b.shape == w.shape:
        return TwoTerms(0.0, 0.0, np.inf)
    if not all(np.isfinite(x).all() for x in (a, b, w)):
        return TwoTerms(0.0, 0.0, np.inf)
    top = float(np.abs(a).max(initial=0))
    sizes = [float(np.abs(x).max(initial=0)) or 1.0 for x in (b, w)]
    terms = np.stack([b.ravel() / sizes[0], w.ravel() / sizes[1]], axis=1)
    (c, d), *_ = np.linalg.lstsq(terms, a.ravel(), rcond=None)
    error = float(np.abs(terms @ (c, d) - a.ravel()).max()) / top if top else np.inf
    return TwoTerms(float(c) / sizes[0], float(d) / sizes[1], error)


def bias_left(
    s: np.ndarray, h: np.ndarray, W: np.ndarray, tolerance: float, *, shifted: bool = False
) -> np.ndarray | None:
    """b of s = h W^T + b; None if s does not have this form.

    Arguments:
        s: (n, m).
        h: (n, d).
        W: (m, d).
        shifted: whether every row of s may be off by a constant of its own, as logits from
            which the maximum was subtracted.
    """
    few = min(3, len(s))
    for rows in (few, len(s)):
        rest = s[:rows] - h[:rows] @ W.T
        scale = max(float(np.abs(s[:rows]).max()), 1e-12)
        if shifted:
            rest = rest - rest.mean(axis=1, keepdims=True)
        if not np.isfinite(rest).all() or np.abs(rest - rest[:1]).max() > tolerance * scale:
            return None
    return np.asarray(rest.mean(axis=0))


def leaky_slope(h: np.ndarray, z: np.ndarray, tolerance: float) -> float | None:
    """The slope below 0 of h = max(z, 0) + slope min(z, 0); 0 for ReLU; None if it differs."""
    if h.shape != z.shape or not (z < 0).any() or not (z > 0).any():
        return None
    if not close(h[z > 0], z[z > 0], tolerance):
        return None
    below = z < 0
    top = float(np.abs(z[below]).max())
    slope = float((h[below] * z[below]).sum() / (z[below] ** 2).sum())
    if np.abs(h[below] - slope * z[below]).max() > tolerance * top or not -1 < slope < 1:
        return None
    return 0.0 if abs(slope) < tolerance else slope


def dropped(h: np.ndarray, z: np.ndarray, tolerance: float) -> tuple[np.ndarray, float] | None:
    """(mask, factor) of h = factor * mask * z with a mask of 0 and 1; None for another function."""
    alive = np.abs(z) > 1e-12 * max(float(np.abs(z).max(initial=0)), 1e-300)
    if h.shape != z.shape or not alive.any() or (h[~alive] != 0).any():
        return None
    ratio = h[alive] / z[alive]
    kept = ratio != 0
    if kept.all() or not kept.any():
        return None
    factor = float(np.median(ratio[kept]))
    if np.abs(ratio[kept] - factor).max() > max(tolerance, 1e-6) * abs(factor):
        return None
    mask = np.ones(h.shape, bool)
    mask[alive] = kept
    return mask, factor


def columns_fit(z: np.ndarray, u: np.ndarray, tolerance: float) -> tuple[np.ndarray, ...] | None:
    """(a, c), both (m,), of z = a u + c for each column; None if z does not have this form."""
    if z.shape != u.shape or len(z) < 3:
        return None
    centred = u - u.mean(axis=0)
    square = (centred * centred).sum(axis=0)
    if (square <= 0).any():
        return None
    a = (centred * (z - z.mean(axis=0))).sum(axis=0) / square
    c = z.mean(axis=0) - a * u.mean(axis=0)
    top = np.maximum(np.abs(z).max(axis=0), 1e-300)
    if (np.abs(a * u + c - z).max(axis=0) > 10 * tolerance * top).any():
        return None
    return a, c
