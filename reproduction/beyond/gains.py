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
        seeds: which, for people.
        main, other: mean test accuracies with the main backend and with the other one, in %.
        limit: two seeds of one implementation, or the means of as many, differ by less with 95 %
            probability.
    """

    seeds: str
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
    """The comparison of both implementations; None if one of them is missing.

    If more seeds were trained with both, because the first ones were further apart than seeds, the
    others are compared: a seed that raised the question cannot answer it.
    """
    if not rung.other_test or len(rung.test) < 2:
        return None
    if len(rung.other_test) > 2:
        main, other = (np.array(test[1:]) for test in (rung.test, rung.other_test))
        apart = welch(other, main)
        seeds = f"1 to {len(other)} (0: {rung.other_test[0] - rung.test[0]:+.2f})"
        return Twins(seeds, float(main.mean()), float(other.mean()), apart.high - apart.value)
    sd = float(np.std(rung.test, ddof=1))
    limit = t_quantile(len(rung.test) - 1) * sd * math.sqrt(2)
    return Twins("0", rung.test[0], rung.other_test[0], limit)


def start_stands(results: LadderResults) -> bool | None:
    """Whether the report's run lies within the 95 % prediction interval of the start."""
    start = results.rungs.get("start")
    return None if start is None else judge(start.test, PUBLISHED).stands
