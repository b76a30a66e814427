"""Whether a published number stands: against the spread between our seeds.

Intervals are for normally distributed values of unknown spread, at 95 %. By chance alone one
number in twenty lies outside its interval: of 41 that stand in truth, about 39 are found to.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

from reproduction.published.experiment import Experiment, Row
from reproduction.published.experiments import EXPERIMENTS
from reproduction.published.readings import Reading
from reproduction.results import Results, Trained

Place = tuple[str, str]
"""Key of an experiment and label of a row."""


@dataclass(frozen=True)
class Verdict:
    """A published number beside ours.

    Arguments:
        n: seeds with a value.
        mean: of them; None for none.
        sd: of them, divided by n - 1; None for fewer than 2.
        low, high: 95 % prediction interval for one further run, as the published one was:
            mean +- t sd sqrt(1 + 1/n), with n - 1 degrees of freedom; None as `sd`.
        published: None where the report has no number.
        diverged: seeds without a value; the interval is for a run that has one.
    """

    n: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    published: float | None
    diverged: int

    @property
    def stands(self) -> bool | None:
        """Whether the interval holds the published number; None if there is none of either."""
        if self.published is None or self.low is None or self.high is None:
            return None
        return self.low <= self.published <= self.high

    @property
    def distance(self) -> float | None:
        """Distance of the published number from the mean, in standard deviations between seeds."""
        if self.published is None or self.mean is None or not self.sd:
            return None
        return (self.published - self.mean) / self.sd


def judge(values: Sequence[float | None], published: float | None) -> Verdict:
    """A verdict from the values of all seeds, None for those that diverged."""
    found = np.array([value for value in values if value is not None])
    n, diverged = len(found), len(values) - len(found)
    mean = float(found.mean()) if n else None
    if mean is None or n < 2:
        return Verdict(n, mean, None, None, None, published, diverged)
    sd = float(found.std(ddof=1))
    half = t_quantile(n - 1) * sd * math.sqrt(1 + 1 / n)
    return Verdict(n, mean, sd, mean - half, mean + half, published, diverged)


def t_quantile(freedom: float) -> float:
    """That Student's t stays within, either side of 0, with 95 % probability."""
    return float(stats.t.ppf(0.975, freedom))


@dataclass(frozen=True)
class Interval:
    """An estimate and where the estimated value lies with 95 % confidence.

    Arguments:
        value: the estimate.
        low, high: ends of the interval.
    """

    value: float
    low: float
    high: float


def mean_interval(values: Sequence[float] | Float[np.ndarray, " n"]) -> Interval | None:
    """Student's, of the mean of independent values; None for fewer than 2."""
    n = len(values)
    if n < 2:
        return None
    mean = float(np.mean(values))
    half = t_quantile(n - 1) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return Interval(mean, mean - half, mean + half)


def verdicts(
    results: Results, experiment: Experiment, row: Row, reading: Reading
) -> dict[str, Verdict]:
    """Verdicts on a row's accuracies in %: "test", and "training" where the report prints it."""
    trainings = results.of(experiment.key, row.label, reading)
    found = {"test": judge([trained.test_accuracy for trained in trainings], row.test)}
    if row.train is not None:
        found["training"] = judge([training_accuracy(trained) for trained in trainings], row.train)
    return found


def training_accuracy(trained: Trained) -> float | None:
    """At the end, in %."""
    found = trained.end("training", "accuracy")
    return None if found is None else 100 * found


def published_test_accuracies(
    results: Results, reading: Reading
) -> list[tuple[Experiment, Row, Verdict]]:
    """The 41 test accuracies of the report; those that were not run have n = 0.

    They are not 41 independent verdicts: the report prints several runs of one setting, and the
    first number of Tables 1 and 2 is the same.
    """
    return [
        (experiment, row, verdicts(results, experiment, row, reading)["test"])
        for experiment in EXPERIMENTS
        for row in experiment.rows
        if experiment.source == "report" and row.test is not None
    ]


def paired(
    results: Results,
    reading: Reading,
    places: Sequence[Place],
    measure: Callable[[Trained], float | None],
) -> Float[np.ndarray, "seeds places"]:
    """A measure at several places, a line for every seed that has a value at all of them."""
    columns = [
        {trained.recipe.seed: measure(trained) for trained in results.of(*place, reading)}
        for place in places
    ]
    seeds = sorted(set.intersection(*(set(column) for column in columns)))
    lines = [[column[seed] for column in columns] for seed in seeds]
    kept = [line for line in lines if None not in line]
    return np.array(kept, dtype=float).reshape(-1, len(places))
