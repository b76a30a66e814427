"""Judge published numbers by the spread between our seeds.

A published number stands if it lies within the 95 % prediction interval of our runs, for normally
distributed values of unknown variance. By chance one number in twenty lies outside: of 41 correct
numbers about 39 stand.
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
    """A published number compared with ours.

    Arguments:
        n: number of seeds with a value.
        mean: their mean; None if there are none.
        sd: their standard deviation, with divisor n - 1; None for fewer than 2.
        low, high: 95 % prediction interval for one further run, such as the published one:
            mean +- t sd sqrt(1 + 1/n), with n - 1 degrees of freedom; None if sd is.
        published: the report's number, or None.
        diverged: number of seeds without a value; they do not count for the interval.
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
        """Whether the published number is within the interval; None if either is missing."""
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
    finite = np.array([value for value in values if value is not None])
    n, diverged = len(finite), len(values) - len(finite)
    mean = float(finite.mean()) if n else None
    if mean is None or n < 2:
        return Verdict(n, mean, None, None, None, published, diverged)
    sd = float(finite.std(ddof=1))
    half = t_quantile(n - 1) * sd * math.sqrt(1 + 1 / n)
    return Verdict(n, mean, sd, mean - half, mean + half, published, diverged)


def t_quantile(freedom: float) -> float:
    """The two-sided 95 % quantile of Student's t."""
    return float(stats.t.ppf(0.975, freedom))


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % confidence interval.

    Arguments:
        value: the estimate.
        low, high: ends of the interval.
    """

    value: float
    low: float
    high: float


def mean_interval(values: Sequence[float] | Float[np.ndarray, " n"]) -> Interval | None:
    """Student's interval for the mean of independent values; None for fewer than 2."""
    n = len(values)
    if n < 2:
        return None
    mean = float(np.mean(values))
    half = t_quantile(n - 1) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return Interval(mean, mean - half, mean + half)


def verdicts(
    results: Results, experiment: Experiment, row: Row, reading: Reading
) -> dict[str, Verdict]:
    """Verdicts on a row's accuracies in %: "test", and "training" if the report prints it."""
    trainings = results.of(experiment.key, row.label, reading)
    judged = {"test": judge([trained.test_accuracy for trained in trainings], row.test)}
    if row.train is not None:
        judged["training"] = judge([training_accuracy(trained) for trained in trainings], row.train)
    return judged


def training_accuracy(trained: Trained) -> float | None:
    """The final training accuracy in %; None if the training diverged."""
    accuracy = trained.end("training", "accuracy")
    return None if accuracy is None else 100 * accuracy


def published_test_accuracies(
    results: Results, reading: Reading
) -> list[tuple[Experiment, Row, Verdict]]:
    """Verdicts on the 41 test accuracies of the report; n = 0 for those that were not run.

    They are not independent: the report prints several runs of the same setting, and the first
    number of Tables 1 and 2 is the same.
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
    """A measure for several rows, with one line for each seed that has a value in all of them."""
    columns = [
        {trained.recipe.seed: measure(trained) for trained in results.of(*place, reading)}
        for place in places
    ]
    seeds = sorted(set.intersection(*(set(column) for column in columns)))
    lines = [[column[seed] for column in columns] for seed in seeds]
    complete = [line for line in lines if None not in line]
    return np.array(complete, dtype=float).reshape(-1, len(places))
