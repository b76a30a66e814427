"""The data sets of a program, with what is known about their samples and features."""

from dataclasses import dataclass

import numpy as np

from compare.watching.labels import classes_in
from compare.watching.recording import Event
from compare.watching.values import Value, Values, flat_shape

MOST = 24
"""Maximum number of arrays of samples that are examined."""


@dataclass(frozen=True)
class DataSet:
    """Many samples, recorded completely or as a summary.

    Arguments:
        event: where it was first seen with a name.
        n: samples; d: features.
        key: (n,), the product of every sample with `vector`, (d,).
        feature_mean, feature_deviation: (d,), over the samples.
        sample_mean, sample_deviation: (n,), over the features; None where not recorded.
        id: of the summary or array, to tell data sets apart.
    """

    event: Event
    n: int
    d: int
    key: np.ndarray
    vector: np.ndarray
    feature_mean: np.ndarray | None
    feature_deviation: np.ndarray | None
    sample_mean: np.ndarray | None
    sample_deviation: np.ndarray | None
    id: tuple[str, int]
    dtype: np.dtype

    @property
    def rounding(self) -> float:
        """Maximum difference between the projections of equal samples."""
        exact = self.dtype.itemsize > 4 or self.id[0] == "a"
        return (1e-8 if exact else 1e-4) * max(float(np.abs(self.key).mean()), 1e-300)

    def positions(self, X: np.ndarray) -> np.ndarray | None:
        """The positions of the samples X (k, d) in the data set; None unless all are in it."""
        return None if X.shape[1] != self.d else self.places(X @ self.vector)

    def places(self, wanted: np.ndarray) -> np.ndarray | None:
        """The positions of samples with these projections (k,); None unless all are in it."""
        order = np.argsort(self.key)
        at = np.clip(np.searchsorted(self.key[order], wanted), 1, max(self.n - 1, 1))
        near = np.stack([at - 1, np.minimum(at, self.n - 1)])
        away = np.abs(self.key[order][near] - wanted)
        best = away.argmin(axis=0)
        limit = self.rounding
        if (away[best, np.arange(len(wanted))] > limit).any():
            return None
        return np.asarray(order[near[best, np.arange(len(wanted))]])


def batches_at(values: Values, data: DataSet, X: Value) -> list[np.ndarray] | None:
    """The positions of the samples in every minibatch assigned at a line; None unless all are in
    this data set."""
    found = []
    for event in values.recording.events:
        if (event.site.id, event.path) != (X.shown.site.id, X.shown.path):
            continue
        at = None
        if event.array is not None and event.array in values.by_id:
            a = values.by_id[event.array].array
            if a.ndim == 2 and data.d in a.shape:
                at = data.positions(a if a.shape[1] == data.d else a.T)
        elif event.projection is not None:
            if event.axis != (X.array.shape[1] != data.d):
                continue
            at = data.places(values.recording.array(event.projection))
        if at is None:
            return None
        found.append(at)
    return found


def data_sets(values: Values, n: int, d: int) -> list[DataSet]:
    """All arrays of more than n samples with d features, in order of their first event."""
    recording = values.recording
    found: dict[tuple[str, int], DataSet] = {}
    for event in recording.events:
        if event.data is not None and ("d", event.data) not in found:
            made = from_summary(values, event, n, d)
            if made is not None:
                found[made.id] = made
    for shape, group in values.by_shape.items():
        if len(shape) == 2 and d in shape and max(shape[0] if shape[1] == d else shape[1], 0) > n:
            for value in group[:MOST]:
                if value.raw.dtype.kind in "fiu" and value.named:
                    found["a", value.id] = from_array(value, d)
    return sorted(found.values(), key=lambda data: data.event.index)[:MOST]


def from_summary(values: Values, event: Event, n: int, d: int) -> DataSet | None:
    """A data set from the summary of a large array."""
    assert event.data is not None
    held = values.recording.data[event.data]
    shape = flat_shape(held.shape)
    if len(shape) != 2 or d not in shape:
        return None
    columns = shape[1] != d
    count = shape[1] if columns else shape[0]
    across, along = ("row", "column") if columns else ("column", "row")
    s = values.recording.summary(event.data)
    if count <= n or f"{along} projection" not in s:
        return None
    return DataSet(
        event,
        count,
        d,
        s[f"{along} projection"],
        vector(d),
        s.get(f"{across} mean"),
        s.get(f"{across} deviation"),
        s.get(f"{along} mean"),
        s.get(f"{along} deviation"),
        ("d", event.data),
        np.dtype(held.dtype),
    )


def vector(length: int) -> np.ndarray:
    """The recorder's projection vector for samples of a given length."""
    return np.random.RandomState(length).standard_normal(length)


def from_array(value: Value, d: int) -> DataSet:
    """A data set from an array that was recorded completely."""
    rows = value.array if value.array.shape[1] == d else value.array.T
    return DataSet(
        value.shown,
        len(rows),
        d,
        rows @ vector(d),
        vector(d),
        rows.mean(axis=0),
        rows.std(axis=0),
        rows.mean(axis=1),
        rows.std(axis=1),
        ("a", value.id),
        value.raw.dtype,
    )


def label_arrays(values: Values, n: int, classes: int) -> list[tuple[Value, np.ndarray]]:
    """Arrays that may be the labels of n samples, as classes from 0."""
    seen = [*values.of_shape((n,)), *(values.of_shape((n, classes)) if classes > 1 else [])]
    read = ((value, classes_in(value, n, classes)) for value in seen)
    found = [(value, y) for value, y in read if y is not None and np.ptp(value.array)]
    return sorted(found, key=lambda pair: pair[0].first)
