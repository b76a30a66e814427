"""The comparisons for each of the report's claims about batch norm."""

from collections.abc import Callable
from functools import partial

import numpy as np

from reproduction.published.readings import Reading
from reproduction.results import Results, Trained
from reproduction.verdicts.comparisons import (
    Comparison,
    Setting,
    Wanted,
    compare_means,
    compare_spreads,
    compare_variances,
    sides_of,
)
from reproduction.verdicts.judgement import training_accuracy
from twingrad.history import Part

CHANCE = 10.0
"""Test accuracy in % assigned to a diverged training."""


def setting(experiment: str, label: str) -> Setting:
    """Two rows of an experiment that differ only in batch norm."""
    return (experiment, f"{label}, BN"), (experiment, f"{label}, no BN")


STARTS: tuple[Setting, ...] = tuple(
    (("table4", label), ("table3", label)) for label in ("sigma .01", "He", "Xavier")
)
SIGMAS = tuple(setting("sigma", f"sigma {sigma}") for sigma in ("1e-1", "1e-3", "1e-4"))
RANGES = tuple(setting("table5", f"1e{k} to 1e-1") for k in (-5, -4, -3, -2))
ABOVE = tuple(setting("high-rates", f"up to {eta_max}") for eta_max in ("0.3", "1", "3"))
LAYERS = (setting("baselines", "3 layers"), setting("baselines", "9 layers"))
WIDE = (*STARTS, RANGES[0], *RANGES[2:])
"""The settings of [100, 50], each once: 1e-4 to 1e-1 is He in Tables 3 and 4."""


def accuracy(trained: Trained) -> float:
    """The final test accuracy in %; chance if the training diverged."""
    value = trained.test_accuracy
    return CHANCE if value is None else value


def gap(trained: Trained) -> float | None:
    """Training minus test accuracy, in points."""
    training, test = training_accuracy(trained), trained.test_accuracy
    return None if training is None or test is None else training - test


def largest_rise(trained: Trained, part: Part, quantity: str) -> float | None:
    """The largest rise of a curve from one epoch to the next; 0 if it only falls."""
    if trained.test is None:
        return None
    return max(0.0, *np.diff(trained.curves[part][quantity]).tolist())


def steadiness(results: Results, reading: Reading) -> list[Comparison]:
    """Largest rises of the curves, and the spread between seeds."""
    rises: tuple[tuple[Part, str], ...] = (("training", "loss"), ("validation", "cost"))
    comparisons = []
    for part, quantity in rises:
        rise = partial(largest_rise, part=part, quantity=quantity)
        what = f"largest rise of the {part} {quantity}"
        comparisons.append(compare_averages(what, results, reading, rise, "less"))
    sides = sides_of(results, reading, WIDE, accuracy)
    what = "standard deviation of the test accuracy between seeds, points"
    return [*comparisons, compare_spreads(what, *sides)]


def initialization(results: Results, reading: Reading) -> list[Comparison]:
    """Variances between initialisations."""
    what = "variance of the test accuracy between"
    starts = sides_of(results, reading, STARTS, accuracy)
    sigmas = sides_of(results, reading, SIGMAS, accuracy)
    return [
        compare_variances(f"{what} sigma .01, He and Xavier, squared points", *starts),
        compare_variances(f"{what} sigma 1e-1, 1e-3 and 1e-4, squared points", *sigmas),
    ]


def regularization(results: Results, reading: Reading) -> list[Comparison]:
    """The gap between training and test accuracy, and the test accuracy."""
    gap_name = "training minus test accuracy, points"
    return [
        compare_averages(gap_name, results, reading, gap, "less"),
        compare_averages("test accuracy, %", results, reading, accuracy, "more"),
    ]


def compare_averages(
    what: str,
    results: Results,
    reading: Reading,
    measure: Callable[[Trained], float | None],
    wanted: Wanted,
) -> Comparison:
    """Compare a measure averaged over the [100, 50] settings."""
    with_bn, without = sides_of(results, reading, WIDE, measure)
    return compare_means(what, with_bn.mean(axis=1), without.mean(axis=1), wanted)


def high_rates(results: Results, reading: Reading) -> list[Comparison]:
    """The slope over eta_min, and as specified also the loss above the report's eta_max."""
    decades = np.arange(len(RANGES)) - (len(RANGES) - 1) / 2
    slope = decades / (decades**2).sum()
    with_bn, without = sides_of(results, reading, RANGES, accuracy)
    what = "slope of the test accuracy over eta_min, points per decade"
    comparisons = [compare_means(what, with_bn @ slope, without @ slope, "more")]
    if reading == "specified":
        with_bn, without = (
            side[:, 0] - side[:, 1:].mean(axis=1)
            for side in sides_of(results, reading, (RANGES[1], *ABOVE), accuracy)
        )
        what = "test accuracy lost above eta_max .1, points"
        comparisons.append(compare_means(what, with_bn, without, "less"))
    return comparisons


def depth(results: Results, reading: Reading) -> list[Comparison]:
    """The accuracy lost from 3 to 9 layers, and the accuracy with 9 layers."""
    with_bn, without = sides_of(results, reading, LAYERS, accuracy)
    lost, lost_without = (side[:, 0] - side[:, 1] for side in (with_bn, without))
    what = "test accuracy lost from 3 to 9 layers, points"
    return [
        compare_means(what, lost, lost_without, "less"),
        compare_means("test accuracy with 9 layers, %", with_bn[:, 1], without[:, 1], "more"),
    ]
