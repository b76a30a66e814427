"""Compare the two backends: their differences relative to the spread between seeds.

Both backends start a training from the same parameters and use the same minibatches, so in exact
arithmetic the results would be equal. Rounding makes them differ, and training amplifies this, at
most until they differ like two runs with different seeds. The difference of two such runs has
standard deviation sqrt(2) sd, where sd is that between seeds. Each difference, and all of them
together, are compared with it. Two correct backends may well differ less than that. The test would
miss a small error that shifts all results in one direction, so the mean of the signed differences
is given too, with its interval.

The spread is computed from the other seeds, so that it is independent of the difference and their
ratio is Student's t.
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
    """One training with both backends.

    Arguments:
        experiment, row, reading, seed: the first cell of this training.
        main, other: test accuracy in % with each backend, None if it diverged.
        spread: sd over the main backend's other seeds; None for fewer than 2.
        freedom: degrees of freedom of the spread.
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
        """The other backend's accuracy minus the main one's, in points."""
        return None if self.main is None or self.other is None else self.other - self.main

    @property
    def ratio(self) -> float | None:
        """The difference divided by sqrt(2) times the spread: Student's t if backends differ like
        seeds. None if there is no spread."""
        if self.difference is None or not self.spread:
            return None
        return self.difference / (math.sqrt(2) * self.spread)

    @property
    def limit(self) -> float | None:
        """The 95 % limit for the difference of two runs with different seeds."""
        if self.spread is None:
            return None
        return t_quantile(self.freedom) * math.sqrt(2) * self.spread

    @property
    def within(self) -> bool | None:
        """Whether the difference is within the limit; None if it cannot be judged."""
        if self.difference is None or self.limit is None:
            return None
        return abs(self.difference) <= self.limit


@dataclass(frozen=True)
class BackendComparison:
    """All trainings that were run with both backends, each once.

    Arguments:
        differences: of each training.
        ratio: median of the absolute ratios: about .7 for Student's t, 0 for equal backends. The
            median is used because spreads differ a hundredfold between settings, and a few of
            them would dominate a mean. None if there are no ratios.
        ratio_limit: exceeded with 5 % probability if backends differ like seeds.
        bias: mean of the signed ratios.
    """

    differences: Sequence[BackendDifference]
    ratio: float | None
    ratio_limit: float | None
    bias: Interval | None

    @property
    def judged(self) -> int:
        """Number of differences that could be judged."""
        return sum(difference.within is not None for difference in self.differences)

    @property
    def within(self) -> int:
        """Number of those within their limit; at least 95 % are expected."""
        return sum(difference.within is True for difference in self.differences)

    @property
    def split(self) -> list[BackendDifference]:
        """Trainings that diverged with only one backend."""
        return [d for d in self.differences if (d.main is None) != (d.other is None)]


def backend_differences(results: Results) -> BackendComparison:
    """Compare every training that was run with both backends; equal cells count once."""
    main = results.about["backend"]
    twins = {
        cell.recipe: cell
        for cell in reversed(results.cells)
        if cell.backend != main and (cell.recipe, main) in results.trainings
    }
    differences = [difference_of(results, cell) for cell in reversed(twins.values())]
    ratios = [d.ratio for d in differences if d.ratio is not None]
    freedom = float(np.median([d.freedom for d in differences if d.ratio is not None] or [1]))
    return BackendComparison(differences, *median_ratio(ratios, freedom), mean_interval(ratios))


def difference_of(results: Results, cell: Cell) -> BackendDifference:
    """Compare a cell of the other backend with the main backend's."""
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


def median_ratio(ratios: Sequence[float], freedom: float) -> tuple[float | None, float | None]:
    """The median of the absolute ratios, and its limit, as in `BackendComparison`.

    The median of N independent values is at a quantile with distribution Beta((N + 1) / 2,
    (N + 1) / 2); the values are absolute values of Student's t.
    """
    if not ratios:
        return None, None
    half = (len(ratios) + 1) / 2
    quantile = float(stats.beta.ppf(0.95, half, half))
    return float(np.median(np.abs(ratios))), float(stats.t.ppf((1 + quantile) / 2, freedom))
