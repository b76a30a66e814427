"""The learning-rate range test: what the costs of a training with a growing rate say (Smith 2017).

Minibatch costs are noisy, so they are smoothed first, along the updates: the rate grows by a
constant factor, so equal numbers of updates are equal steps of its logarithm. A running median
comes first, which keeps the place where a cost explodes; then a Gaussian.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

FEWEST = 20
"""Updates below which nothing is said."""

WIDTH = 1 / 40
"""Standard deviation of the Gaussian, as a share of all updates. The median's window reaches as far
to either side."""

CEILING = 2.0
"""Costs are cut off at so many times their start."""

END = 1.5
"""A median of so many times the costs' start ends the test: what follows is not judged."""

CLEAR = 6.0
"""A fall or rise counts if it is so many standard errors of the smoothed cost. The largest of many
is meant: noise alone passes in about 2 of 100 tests (200 series each of 50 to 2,000 updates)."""


@dataclass(frozen=True)
class RangeTest:
    """A range test and what it shows.

    Arguments:
        rates: learning rate of every update.
        costs: of its minibatch, before the update; cut off.
        smoothed: the same without most of the noise, until the cost explodes.
        falls_fastest: the rate at which the smoothed cost falls fastest, along the logarithm of
            the rate; None where it never falls clearly.
        rises_from: the rate at which the smoothed cost leaves its minimum for good; None where it
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
    """What a range test shows.

    Arguments:
        rates: geometrically growing.
        costs: finite.
    """
    n = len(costs)
    if n < FEWEST:
        return RangeTest(rates, costs, costs, None, None)
    start = np.median(costs[: max(3, n // 20)])
    cut = np.minimum(costs, CEILING * start)
    sigma = max(1.0, WIDTH * n)
    medians = running_median(cut, round(sigma))
    ended = np.flatnonzero(medians > END * start)
    smoothed = smooth(medians[: ended[0] + 1] if len(ended) else medians, sigma)
    lowest = int(smoothed.argmin())
    # Neighbours differ by noise alone: median |difference| = 0.6745 sqrt(2) sd. A Gaussian kernel
    # leaves a variance of 1 / (2 sqrt(pi) sigma).
    sd = np.median(np.abs(np.diff(cut))) / (0.6745 * np.sqrt(2))
    error = sd / np.sqrt(2 * np.sqrt(np.pi) * sigma)
    falls_fastest = rises_from = None
    if lowest > 1 and start - smoothed[lowest] > CLEAR * error:
        # A slope is noisier than a value: smoothed again, up to the minimum.
        falling = smooth(smoothed[: lowest + 1], 2 * sigma)
        slope = np.gradient(falling, np.log(rates[: lowest + 1]))
        falls_fastest = float(rates[slope.argmin()])
    low = smoothed <= smoothed[lowest] + CLEAR * error
    if not low[-1]:
        rises_from = float(rates[np.flatnonzero(low)[-1]])
    return RangeTest(rates, cut, smoothed, falls_fastest, rises_from)


def running_median(values: Float[np.ndarray, " n"], reach: int) -> Float[np.ndarray, " n"]:
    """The median of every value and `reach` neighbours on either side; mirrored at the ends."""
    padded = np.pad(values, reach, mode="reflect")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1), axis=1)


def smooth(values: Float[np.ndarray, " n"], sigma: float) -> Float[np.ndarray, " n"]:
    """Means weighted by a Gaussian of this standard deviation, renormalised at both ends."""
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    total = np.convolve(values, kernel)[reach : reach + len(values)]
    return total / np.convolve(np.ones(len(values)), kernel)[reach : reach + len(values)]
