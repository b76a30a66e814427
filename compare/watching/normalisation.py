"""Recognise batch norm and layer norm from their input and output."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from compare.watching.relations import columns_fit
from compare.watching.values import Value, Values

LAYER_EPS = (0.0, 1e-5, 1e-8, 1e-12, 1e-6, 1e-7, 1e-10, 1e-3)
"""Values of eps that are tried for layer norm."""

GAMMA_ROUNDING = 1e-6
"""A tenth of the maximum error of a computed gamma."""

LARGEST_EPS = 0.1
"""Maximum plausible eps."""


@dataclass
class Norm:
    """z = gamma (u - mu) / deviation + beta, by columns (batch) or rows (layer).

    Arguments:
        kind: "batch" or "layer".
        gamma, beta: (m,).
        eps: added to the variance.
        wrong: what is wrong with it, in words; "" where nothing is.
        frozen: whether mu and v are not of the minibatch (running statistics).
        after: whether it follows the activation.
        deviation: (m,), of a layer norm (n,), what u - mu is divided by.
    """

    kind: str
    gamma: np.ndarray
    beta: np.ndarray
    eps: float
    wrong: str = ""
    frozen: bool = False
    after: bool = False
    deviation: np.ndarray | None = None


def norm_of(
    z: np.ndarray, u: Value, rows: np.ndarray, values: Values, index: int, tolerance: float
) -> Norm | None:
    """The normalisation that computes z from u, both (n, m); None if there is none.

    Arguments:
        rows: u with samples in rows.
        index: of the event before which everything was computed.
    """
    fitted = columns_fit(z, rows, tolerance)
    if fitted is not None:
        return batch_norm(z, rows, fitted, values, u.first, index, tolerance)
    return layer_norm(z, rows, values, index, tolerance)


def batch_norm(
    z: np.ndarray,
    u: np.ndarray,
    fitted: tuple[np.ndarray, ...],
    values: Values,
    start: int,
    index: int,
    tolerance: float,
) -> Norm | None:
    """z = a u + c by columns: find gamma, deviation, beta and mean behind a and c."""
    a, c = fitted
    n = len(u)
    mu, v = u.mean(axis=0), u.var(axis=0)
    if (np.abs(a) < 1e-300).any() or close_to(a, np.ones_like(a), tolerance):
        return None  # z = u + c is no normalisation
    beta = c + a * mu
    limit = max(1e3 * tolerance, 1e-6)
    vectors = list(gammas(values, index, len(a)))
    for reading in READINGS:
        fits = [
            (*eps_of(reading, np.abs(gamma / a), v, n), gamma)
            for held, gamma in vectors
            # a wrong formula is believed of parameters alone, not of what was computed
            if not reading or held is None or held.first < start
        ]
        good = [fit for fit in fits if fit[1] <= limit]
        if good:
            eps, _, gamma = min(good, key=lambda fit: fit[1])
            deviation = np.abs(gamma / a)
            return Norm("batch", gamma, beta, eps, reading, deviation=deviation)
    return frozen_norm(a, c, vectors, values.before(index, (len(a),)), limit)


def frozen_norm(
    a: np.ndarray,
    c: np.ndarray,
    vectors: list[tuple[Value | None, np.ndarray]],
    statistics: list[Value],
    limit: float,
) -> Norm | None:
    """The same with a variance or deviation that is not of these samples."""
    if not statistics:
        return None
    earlier = np.stack([value.array for value in statistics])  # (statistics, m)
    for _, gamma in vectors:
        deviation = np.abs(gamma / a)
        for scale in (deviation**2, deviation):
            rest = scale - earlier
            eps = np.median(rest, axis=1)
            error = np.abs((rest - eps[:, None]) / scale).max(axis=1)
            good = (error <= limit) & (eps >= -1e-12) & (eps < LARGEST_EPS)
            if good.any():
                return Norm("batch", gamma, c, max(float(eps[good][0]), 0.0), frozen=True)
    return None


OUTSIDE = "eps is added to the root of the variance, not under it"

ALL_UNITS = "the variance is taken over all units together, not of each unit"

SHRUNK = "the variance is multiplied by (n - 1)/n"

BY_VARIANCE = "s - mu is divided by the variance, not by its root"

READINGS = (
    "",
    "the variance is divided by n - 1, not by n",
    OUTSIDE,
    BY_VARIANCE,
    "the variance is not divided by n",
    ALL_UNITS,
    SHRUNK,
)
"""Possible mistakes in the deviation, the right form first."""


def eps_of(reading: str, deviation: np.ndarray, v: np.ndarray, n: int) -> tuple[float, float]:
    """The eps with which the deviation (m,) comes nearest to following from the variance v.

    Returns:
        eps, and the largest difference relative to the deviation or its square; infinite where
        no eps that a program would take does.
    """
    square = deviation**2
    rest, scale = {
        READINGS[0]: (square - v, square),
        READINGS[1]: (square - v * n / max(n - 1, 1), square),
        READINGS[2]: (deviation - np.sqrt(v), deviation),
        READINGS[3]: (deviation - v, deviation),
        READINGS[4]: (square - v * n, square),
        ALL_UNITS: (square - over_all(square, v), square),
        SHRUNK: (square - v * (n - 1) / n, square),
    }[reading]
    eps = float(np.median(rest))
    error = float((np.abs(rest - eps) / np.maximum(scale, 1e-300)).max())
    doubt = error * float(scale.max())
    if not -doubt - 1e-12 < eps < LARGEST_EPS:
        return 0.0, np.inf
    if reading == OUTSIDE and eps <= 10 * doubt:
        return 0.0, np.inf  # where eps is nothing it does not matter where it stands
    return rounded(max(eps, 0.0), error * float(np.median(scale))), error


def over_all(square: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The sum or the mean of the variances of all units, whichever is closer."""
    forms = np.array([v.sum(), v.mean()])
    return np.full_like(v, forms[np.abs(forms - np.median(square)).argmin()])


def rounded(eps: float, doubt: float) -> float:
    """The power of ten within the uncertainty of eps; eps itself if there is none."""
    for power in range(-16, 0):
        if abs(eps - 10.0**power) <= max(doubt, 1e-6 * eps):
            return 10.0**power
    return eps


def is_constant(rest: np.ndarray, scale: np.ndarray, limit: float) -> bool:
    """Whether all entries are equal, up to rounding in numbers of a given scale."""
    middle = float(np.median(rest))
    return bool((np.abs(rest - middle) <= limit * np.abs(scale)).all())


def close_to(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    return bool(np.abs(a - b).max(initial=0) <= 10 * tolerance)


def gammas(values: Values, index: int, m: int) -> Iterator[tuple[Value | None, np.ndarray]]:
    """Vectors that may be gamma, the latest first; finally ones, for programs without gamma."""
    for value in values.before(index, (m,)):
        if (value.array != 0).all():
            yield value, value.array
    yield None, np.ones(m)


def layer_norm(
    z: np.ndarray, u: np.ndarray, values: Values, index: int, tolerance: float
) -> Norm | None:
    """z = gamma (u - mean of the row) / deviation of the row + beta."""
    if z.shape != u.shape or u.shape[1] < 2:
        return None
    v = u.var(axis=1)
    if (v <= 0).any():
        return None
    centred = u - u.mean(axis=1, keepdims=True)
    for reading in (*READINGS[:3], BY_VARIANCE):
        for eps in LAYER_EPS:
            deviation = row_deviation(reading, v, u.shape[1], eps)
            hat = centred / deviation[:, None]
            if columns_fit(z[:, :2], hat[:, :2], tolerance) is None:
                continue
            fitted = columns_fit(z, hat, tolerance)
            if fitted is not None:
                gamma, beta = fitted
                norm = Norm("layer", gamma, beta, eps, reading, deviation=deviation)
                return by_fewer(norm, u.shape[1], values, index)
    return None


def row_deviation(reading: str, v: np.ndarray, m: int, eps: float) -> np.ndarray:
    """The divisor of the rows (n,), from their variances over m units."""
    return {
        READINGS[0]: np.sqrt(v + eps),
        READINGS[1]: np.sqrt(v * m / (m - 1) + eps),
        READINGS[2]: np.sqrt(v) + eps,
        BY_VARIANCE: v + eps,
    }[reading]


def by_fewer(norm: Norm, m: int, values: Values, index: int) -> Norm:
    """The same with the variance divided by m - 1, where gamma as it was seen says so.

    With an eps below the rounding nothing but gamma tells the two apart.
    """
    factor = np.sqrt(m / (m - 1))
    seen = [gamma for _, gamma in gammas(values, index, m)]
    if norm.wrong or any(close_to(gamma, norm.gamma, GAMMA_ROUNDING) for gamma in seen):
        return norm
    if not any(close_to(gamma, factor * norm.gamma, GAMMA_ROUNDING) for gamma in seen):
        return norm
    assert norm.deviation is not None
    gamma, deviation = factor * norm.gamma, factor * norm.deviation
    return replace(norm, gamma=gamma, deviation=deviation, wrong=READINGS[1])
