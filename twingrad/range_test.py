"""The learning-rate range test: interpret the costs of a training with growing rate (Smith 2017).

Minibatch costs are noisy, so they are smoothed along the updates: first by a running median, which
preserves the update at which the cost explodes, then by a Gaussian. The rate grows by a constant
factor, so equal numbers of updates are equal steps of its logarithm.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

MIN_UPDATES = 20
"""Minimum number of updates for a verdict."""

SMOOTHING_WIDTH = 1 / 40
"""Standard deviation of the Gaussian, as a share of all updates; also the reach of the median."""

CLIP_FACTOR = 2.0
"""Costs are clipped at this multiple of the initial cost."""

EXPLODED_FACTOR = 1.5
"""The test ends where the running median reaches this multiple of the initial cost."""

MIN_STANDARD_ERRORS = 6.0
"""Minimum size of a fall or rise, in standard errors of the smoothed cost. It is the largest of
many differences: noise alone passes in about 2 of 100 tests (200 series each of 50 to 2,000
updates)."""


@dataclass(frozen=True)
class RangeTest:
    """A range test and its result.

    Arguments:
        rates: learning rate of every update.
        costs: cost of every minibatch before its update, clipped.
        smoothed: smoothed costs, up to where the cost explodes.
        falls_fastest: the rate at which the smoothed cost falls fastest with the logarithm of the
            rate; None if it never falls clearly.
        rises_from: the rate at which the smoothed cost leaves its minimum for good; None if it
            does not rise clearly.
    """

    rates: Float[np.ndarray, " updates"]
    costs: Float[np.ndarray, " updates"]
    smoothed: Float[np.ndarray, " judged"]
    falls_fastest: float | None
    rises_from: float | None


def judge_range(
    rates: Float[np.ndarray, " updates"], costs: Float[np.ndarray, " updates"]
) -> RangeTest:
    """Interpret a range test.

    Arguments:
        rates: growing geometrically.
        costs: finite.
    """
    n = len(costs)
    if n < MIN_UPDATES:
        return RangeTest(rates, costs, costs, None, None)
    start = np.median(costs[: max(3, n // 20)])
    clipped = np.minimum(costs, CLIP_FACTOR * start)
    sigma = max(1.0, SMOOTHING_WIDTH * n)
    medians = running_median(clipped, round(sigma))
    exploded = np.flatnonzero(medians > EXPLODED_FACTOR * start)
    smoothed = smooth(medians[: exploded[0] + 1] if len(exploded) else medians, sigma)
    lowest = int(smoothed.argmin())
    # Neighbours differ only by noise: median |difference| = 0.6745 sqrt(2) sd. The Gaussian
    # multiplies the variance by 1 / (2 sqrt(pi) sigma).
    sd = np.median(np.abs(np.diff(clipped))) / (0.6745 * np.sqrt(2))
    error = sd / np.sqrt(2 * np.sqrt(np.pi) * sigma)
    falls_fastest = rises_from = None
    if lowest > 1 and start - smoothed[lowest] > MIN_STANDARD_ERRORS * error:
        # A slope is noisier than a value, so smooth once more, up to the minimum.
        falling = smooth(smoothed[: lowest + 1], 2 * sigma)
        slope = np.gradient(falling, np.log(rates[: lowest + 1]))
        falls_fastest = float(rates[slope.argmin()])
    low = smoothed <= smoothed[lowest] + MIN_STANDARD_ERRORS * error
    if not low[-1]:
        rises_from = float(rates[np.flatnonzero(low)[-1]])
    return RangeTest(rates, clipped, smoothed, falls_fastest, rises_from)


def running_median(values: Float[np.ndarray, " n"], reach: int) -> Float[np.ndarray, " n"]:
    """The median of each value and `reach` neighbours on either side, mirrored at the ends."""
    padded = np.pad(values, reach, mode="reflect")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1), axis=1)


def smooth(values: Float[np.ndarray, " n"], sigma: float) -> Float[np.ndarray, " n"]:
    """Average with Gaussian weights of this standard deviation, renormalised at both ends."""
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    total = np.convolve(values, kernel)[reach : reach + len(values)]
    return total / np.convolve(np.ones(len(values)), kernel)[reach : reach + len(values)]
