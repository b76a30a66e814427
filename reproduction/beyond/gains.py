"""Gains of a rung with 95 % intervals, and the twins' difference beside the seeds' spread."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from reproduction.beyond.rung_results import LadderResults, RungResult
from reproduction.verdicts.judgement import Interval, judge, mean_interval, t_quantile

PUBLISHED = 55.28
"""The report's best test accuracy, from one run."""

Word = Literal["helps", "harms", "not decided"]


def gain(rung: RungResult, base: RungResult) -> Interval | None:
    """The difference of mean test accuracies with its 95 % interval; None for one seed.

    Paired by seed if both evaluate the same trainings, otherwise Welch's interval for independent
    runs.
    """
    a, b = np.array(rung.test), np.array(base.test)
    if rung.training == base.training:
        return mean_interval(a - b)
    return None if min(len(a), len(b)) < 2 else welch(a, b)


def welch(a: np.ndarray, b: np.ndarray) -> Interval:
    """The difference of two means with Welch's 95 % interval."""
    parts = [float(x.var(ddof=1)) / len(x) for x in (a, b)]
    difference, variance = float(a.mean() - b.mean()), sum(parts)
    if variance == 0:
        return Interval(difference, difference, difference)
    freedom = variance**2 / sum(v**2 / (len(x) - 1) for v, x in zip(parts, (a, b), strict=True))
    half = float(stats.t.ppf(0.975, freedom)) * math.sqrt(variance)
    return Interval(difference, difference - half, difference + half)


def word(interval: Interval | None) -> Word:
    """ "helps", "harms" or "not decided", depending on whether the interval excludes 0."""
    if interval is None or interval.low <= 0 <= interval.high:
        return "not decided"
    return "helps" if interval.low > 0 else "harms"


@dataclass(frozen=True)
class Twins:
    """Seeds trained with both implementations.

    Arguments:
        seeds: how many.
        main, other: mean test accuracies with the main backend and with the other one, in %.
        limit: two seeds of one implementation, or the means of as many, differ by less with 95 %
            probability.
    """

    seeds: int
    main: float
    other: float
    limit: float

    @property
    def difference(self) -> float:
        """In points."""
        return self.other - self.main

    @property
    def alike(self) -> bool:
        return abs(self.difference) <= self.limit


def twins(rung: RungResult) -> Twins | None:
    """The comparison of both implementations; None if one of them is missing."""
    seeds = len(rung.other_test)
    if not seeds or len(rung.test) < 2:
        return None
    main, other = np.array(rung.test[:seeds]), np.array(rung.other_test)
    if seeds > 1:
        apart = welch(other, main)
        limit = apart.high - apart.value
    else:
        sd = float(np.std(rung.test, ddof=1))
        limit = t_quantile(len(rung.test) - 1) * sd * math.sqrt(2)
    return Twins(seeds, float(main.mean()), float(other.mean()), limit)


def start_stands(results: LadderResults) -> bool | None:
    """Whether the report's run lies within the 95 % prediction interval of the start."""
    start = results.rungs.get("start")
    return None if start is None else judge(start.test, PUBLISHED).stands
