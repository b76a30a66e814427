"""The statistics by which each data set was standardised."""

import numpy as np

from compare.watching.course.data_sets import DataSet
from compare.watching.course.per_sample import judge_per_sample, own_mean
from compare.watching.course.verdict import TrainingVerdict
from compare.watching.passes import Update
from compare.watching.probabilities import probabilities
from compare.watching.values import Values

LARGE = 1000
"""Minimum number of samples of a data set that counts although it was never evaluated."""

WIDE = 64
"""Minimum number of features of samples that may be standardised one by one."""

RAW = 100.0
"""Integers up to at least this value are raw pixels."""


def judge_standardisation(
    values: Values, updates: list[Update], sets: list[DataSet], out: TrainingVerdict
) -> None:
    """Report facts on the training data, and data sets that are treated differently."""
    seen = [u for u in updates if u.found.complete]
    if not seen or not sets:
        out.not_checked.append("standardisation: the data sets were not recognised")
        return
    training = next((data for data in sets if holds(data, seen)), None)
    if training is None:
        out.not_checked.append("standardisation: the training set was not recognised")
        return
    X = seen[0].found.X
    if (np.round(X) == X).all() and X.min() >= 0 and RAW <= X.max() <= 255:
        said = f"The network is trained on raw values from {X.min():g} to {X.max():g}."
        out.add("standardisation", training.event, said)
        return
    inside = sites_of_passes(values, seen)
    evaluated = {len(p.rows) for p in probabilities(values)}
    others = [
        data
        for data in sets
        if data.dtype.kind == "f"
        and not overlaps(data, training)
        and (data.n in evaluated or data.n >= LARGE)
        and not inside & sites_of(values, data)
    ]
    by_pixel = own_features(training)
    divisor = own_mean(values, X) if training.d >= WIDE else None
    words = "other or none"
    if by_pixel:
        words = "each feature by its own mean and deviation"
    elif divisor is not None:
        words = "each sample by its own mean"
    out.facts["standardisation of the training data"] = words
    for data in others:
        name = data.event.name
        if own_features(data):
            off = float(np.abs(data.feature_mean).max())  # type: ignore[arg-type]
            said = (
                f"{name} ({data.n} samples) is standardised by its own statistics: its features "
                f"have mean 0 up to {off:.1e} and deviation 1, so not those of the training data."
            )
            out.add("standardisation", data.event, said)
    if divisor is not None and not by_pixel:
        judge_per_sample(values, training, divisor, sets, others, out)
    if not others:
        out.not_checked.append("standardisation of the test data: it was not recognised")


def sites_of_passes(values: Values, updates: list[Update]) -> set[int]:
    """The sites at which the updates assign what they compute of a minibatch.

    An evaluation runs the same lines: its s_hat of a hidden layer that is as wide as the samples
    is no data set.
    """
    found: set[int] = set()
    for update in updates:
        X = update.found.layers[0].h.value
        own = {event.site.id for event in X.events}
        events = values.recording.events[update.start : update.found.index + 1]
        found |= {event.site.id for event in events if event.array is not None} - own
    return found


def sites_of(values: Values, data: DataSet) -> set[int]:
    """The sites at which a data set is assigned."""
    kind, number = data.id
    if kind == "a":
        return {event.site.id for event in values.by_id[number].events}
    return {event.site.id for event in values.recording.events if event.data == number}


def holds(data: DataSet, updates: list[Update]) -> bool:
    return data.dtype.kind == "f" and all(data.positions(u.found.X) is not None for u in updates)


def overlaps(data: DataSet, training: DataSet) -> bool:
    """Whether two data sets share samples: most of the first and last hundred of one are in the
    other."""
    few = np.r_[0 : min(100, data.n), max(0, data.n - 100) : data.n]
    scale = training.rounding + data.rounding
    order = np.sort(training.key)
    at = np.clip(np.searchsorted(order, data.key[few]), 1, training.n - 1)
    away = np.minimum(np.abs(order[at] - data.key[few]), np.abs(order[at - 1] - data.key[few]))
    return bool((away <= scale).mean() > 0.1)


def limit_of(data: DataSet) -> float:
    """Maximum deviation from 0 and 1 of the means and deviations of a standardised data set."""
    return 1e-4 if data.dtype.itemsize < 8 else 1e-6


def own_features(data: DataSet) -> bool:
    """Whether every feature that varies has mean 0 and deviation 1 over these samples."""
    mean, deviation = data.feature_mean, data.feature_deviation
    if mean is None or deviation is None or data.n < 3:
        return False
    varies = deviation > 1e-6
    if not varies.any():
        return False
    one = deviation[varies]
    unbiased = np.sqrt((data.n - 1) / data.n)
    off = min(np.abs(one - 1).max(), np.abs(one - unbiased).max())
    return bool(off < limit_of(data) and np.abs(mean).max() < limit_of(data))
