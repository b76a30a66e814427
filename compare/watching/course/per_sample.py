"""Means over the features of each training sample that are subtracted from other samples."""

import numpy as np

from compare.watching.course.data_sets import DataSet
from compare.watching.course.verdict import TrainingVerdict
from compare.watching.values import Value, Values

TOLERANCE = 1e-6
"""Tolerance relative to the deviation of the data."""


def divisors(values: Values, d: int) -> list[np.ndarray]:
    """Vectors by which features may have been divided, starting with ones."""
    positive = [
        value.array
        for value in values.of_shape((d,))
        if value.raw.dtype.kind == "f" and value.array.min() > 0
    ]
    return [np.ones(d), *positive]


def own_mean(values: Values, X: np.ndarray) -> np.ndarray | None:
    """The divisor (d,) if every sample X (n, d) had its own mean subtracted; otherwise None."""
    for divisor in divisors(values, X.shape[1]):
        raw = X * divisor
        if np.abs(raw.mean(axis=1)).max() < TOLERANCE * raw.std():
            return divisor
    return None


def judge_per_sample(
    values: Values, training: DataSet, divisor: np.ndarray, sets: list[DataSet],
    others: list[DataSet], out: TrainingVerdict,
) -> None:  # fmt: skip
    """Find other data from which the training samples' own means were subtracted."""
    means: list[Value] = [v for v in values.of_shape((training.n,)) if v.raw.dtype.kind == "f"]
    for data in others:
        for before in sets:
            if before.n != data.n or before.id == data.id:
                continue
            if before.feature_mean is None or data.feature_mean is None:
                continue
            rest = before.feature_mean - data.feature_mean * divisor
            middle = float(np.median(rest))
            if np.abs(rest - middle).max() > TOLERANCE * max(abs(middle), float(divisor.mean())):
                continue
            for value in means:
                if abs(float(value.array.mean()) - middle) <= TOLERANCE * abs(middle):
                    said = (
                        f"The mean is taken over the features of each of the {training.n} training "
                        f"samples, and {data.event.name} has these {training.n} numbers "
                        f"subtracted, the mean of another sample from each."
                    )
                    out.add("standardisation", value.shown, said)
                    return
