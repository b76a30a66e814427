"""Whether the two backends agree: their differences against the spread between seeds.

A training and its twin start from the same parameters and see the same minibatches, so that in
exact arithmetic they end equal. Rounding sets them apart, and training magnifies that: at worst
until they are as far from each other as two runs of different seeds, whose difference has the
standard deviation sqrt(2) sd, where sd is that between seeds. Each difference is held against
that, and all of them together. The test is one of "no worse than chance", and two correct
backends may well do better than it asks; what it would miss is a small error that shifts all
results one way, and for that the mean of the signed differences is given with its interval.

The spread is taken from the seeds that the difference is not made of: only then are the two
independent and their ratio Student's t.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from reproduction.published.cells import Cell
from reproduction.published.readings import Reading
from reproduction.results import Results
from reproduction.verdicts.judgement import Interval, mean_interval, t_quantile


@dataclass(frozen=True)
class BackendDifference:
    """One training by both backends.

    Arguments:
        experiment, row, reading, seed: the first cell that this training is of.
        main, other: test accuracy in % by each backend, None if it diverged.
        spread: sd between the main backend's other seeds; None for fewer than 2 of them.
        freedom: their number less one.
    """

    experiment: str
    row: str
    reading: Reading
    seed: int
    main: float | None
    other: float | None
    spread: float | None
    freedom: int

    @property
    def difference(self) -> float | None:
        """Difference of the other backend from the main one, in points."""
        return None if self.main is None or self.other is None else self.other - self.main

    @property
    def ratio(self) -> float | None:
        """The difference over that of two seeds, sqrt(2) times the spread: Student's t if backends
        differ like seeds. None where seeds do not differ at all."""
        if self.difference is None or not self.spread:
            return None
        return self.difference / (math.sqrt(2) * self.spread)

    @property
    def limit(self) -> float | None:
        """That two runs of different seeds differ by no more than, with 95 % probability."""
        if self.spread is None:
            return None
        return t_quantile(self.freedom) * math.sqrt(2) * self.spread

    @property
    def within(self) -> bool | None:
        """Whether the backends differ by no more than that; None if it cannot be said."""
        if self.difference is None or self.limit is None:
            return None
        return abs(self.difference) <= self.limit


@dataclass(frozen=True)
class BackendComparison:
    """All trainings that were done with both backends, each once.

    Arguments:
        differences: of each.
        ratio: median size of the differences, each over that of two seeds: of Student's t it is
            about .7, of backends that agree 0. A median, since spreads differ a hundredfold
            between settings and a few would else decide. None without any.
        ratio_limit: exceeded with 5 % probability if backends differ like seeds.
        bias: mean of the signed ratios.
    """

    differences: Sequence[BackendDifference]
    ratio: float | None
    ratio_limit: float | None
    bias: Interval | None

    @property
    def judged(self) -> int:
        """How many could be held against a spread."""
        return sum(found.within is not None for found in self.differences)

    @property
    def within(self) -> int:
        """How many of those are within their limit; 95 % or more are expected."""
        return sum(found.within is True for found in self.differences)

    @property
    def split(self) -> list[BackendDifference]:
        """Those that diverged with one backend alone."""
        return [d for d in self.differences if (d.main is None) != (d.other is None)]


def backend_differences(results: Results) -> BackendComparison:
    """Compares every training that both backends have done; equal cells count once."""
    main = results.about["backend"]
    twins = {
        cell.recipe: cell
        for cell in reversed(results.cells)
        if cell.backend != main and (cell.recipe, main) in results.trainings
    }
    found = [difference_of(results, cell) for cell in reversed(twins.values())]
    ratios = [d.ratio for d in found if d.ratio is not None]
    freedom = float(np.median([d.freedom for d in found if d.ratio is not None] or [1]))
    return BackendComparison(found, *typical(ratios, freedom), mean_interval(ratios))


def difference_of(results: Results, cell: Cell) -> BackendDifference:
    """A cell of the other backend beside the main one's."""
    place = (cell.experiment, cell.row, cell.reading)
    accuracies = [
        trained.test_accuracy
        for trained in results.of(*place)
        if trained.recipe.seed != cell.seed and trained.test_accuracy is not None
    ]
    n = len(accuracies)
    return BackendDifference(
        *place,
        cell.seed,
        main=results.trainings[cell.recipe, results.about["backend"]].test_accuracy,
        other=results.trainings[cell.recipe, cell.backend].test_accuracy,
        spread=float(np.std(accuracies, ddof=1)) if n >= 2 else None,
        freedom=n - 1,
    )


def typical(ratios: Sequence[float], freedom: float) -> tuple[float | None, float | None]:
    """The median of the ratios' sizes, and its limit, as in `BackendComparison`.

    Of N independent values the median lies at a quantile that is Beta((N + 1) / 2, (N + 1) / 2)
    distributed; the values are the sizes of Student's t.
    """
    if not ratios:
        return None, None
    half = (len(ratios) + 1) / 2
    quantile = float(stats.beta.ppf(0.95, half, half))
    return float(np.median(np.abs(ratios))), float(stats.t.ppf((1 + quantile) / 2, freedom))
