"""Whether samples and labels stay together, and the order in which they are used."""

import numpy as np

from compare.watching.course.data_sets import DataSet, batches_at, data_sets, label_arrays
from compare.watching.course.verdict import TrainingVerdict
from compare.watching.passes import Update
from compare.watching.recording import Event
from compare.watching.values import Value, Values

TOGETHER = 0.99
"""Minimum share of samples whose label must be at the sample's own position."""

APART = 0.95
"""Samples and labels are apart if this share is lower for every array of labels."""

FEWEST = 20
"""Minimum number of labels in a minibatch for their order to be meaningful."""

Batch = tuple[np.ndarray, np.ndarray]
"""The positions of a minibatch's samples in a data set, and its labels."""


def judge_data(values: Values, updates: list[Update], out: TrainingVerdict) -> list[DataSet]:
    """Find the training set, and judge how minibatches are drawn from it.

    Returns:
        all data sets, for the judgement of their standardisation.
    """
    seen = [u for u in updates if u.found.complete and u.labels is not None]
    if not seen:
        out.not_checked.append("samples and labels: no minibatch was recognised")
        return []
    n, d = seen[0].found.X.shape
    sets = data_sets(values, min(n, 2), d)
    training = [data for data in sets if holds(data, seen) and data.n >= n]
    if training and training[0].n == n:
        out.facts["minibatches"] = f"none: the {n} samples of the data set are one batch"
        return sets
    if not training:
        out.not_checked.append("samples and labels: the data set was not recognised")
        return sets
    first = training[0]
    never_seen(values, training, seen, out)
    batches = positions(first, seen)
    order = order_of(batches)
    labels = label_arrays(values, first.n, seen[0].found.p.rows.shape[1])
    shares = [share(classes, batches) for _, classes in labels]
    if not labels:
        out.not_checked.append("samples and labels: no labels of the whole data set were seen")
    elif max(shares) >= TOGETHER:
        begins = seen[0].found.index
        before = [data for data in training if data.n > n and data.event.index < begins]
        used = max(before, key=lambda data: data.event.index, default=first)
        out.facts["minibatches"] = f"{n} of {used.n} samples, {order}, each with its own label"
        if order == "in the order of the data":
            right = labels[int(np.argmax(shares))]
            unused_permutation(values, first, right, seen, sets, out)
    elif max(shares) < APART and all(u.labels is not None and u.labels.confirmed for u in seen):
        apart(values, training, labels, batches, seen, out)
    return sets


def holds(data: DataSet, updates: list[Update]) -> bool:
    return all(data.positions(u.found.X) is not None for u in updates)


def positions(data: DataSet, updates: list[Update]) -> list[Batch]:
    """The positions of the samples, and the labels, of every minibatch."""
    found = []
    for u in updates:
        at = data.positions(u.found.X)
        assert at is not None
        assert u.labels is not None
        found.append((at, u.labels.y))
    return found


def share(classes: np.ndarray, batches: list[Batch]) -> float:
    """The share of the minibatches' labels that are the classes at their samples' positions."""
    return float(np.mean([np.mean(classes[at] == y) for at, y in batches]))


def order_of(batches: list[Batch]) -> str:
    """Whether minibatches are runs of consecutive samples."""
    if len(batches[0][0]) == 1:  # one sample at a time
        batches = [(np.concatenate([at for at, _ in batches]), batches[0][1])]
    runs = all(len(at) > 1 and (np.diff(at) == 1).mean() > TOGETHER for at, _ in batches)
    return "in the order of the data" if runs else "in random order"


def apart(
    values: Values, training: list[DataSet], labels: list[tuple[Value, np.ndarray]],
    batches: list[Batch], updates: list[Update], out: TrainingVerdict,
) -> None:  # fmt: skip
    """Samples and labels that do not belong together, with the cause if it is known."""
    best = max(share(classes, batches) for _, classes in labels)
    start = updates[0].found.index
    before = first_permutation(values, training[0])
    labels = [(value, classes) for value, classes in labels if value.first < before]
    for data in training[1:]:
        again = positions(data, updates)
        for value, classes in labels:
            if share(classes, again) >= TOGETHER:
                event = last_named(value, start)
                said = (
                    f"Samples were moved without their labels: {best:.0%} of the labels in the "
                    f"minibatches are those of their samples."
                )
                out.add("shuffling", event, said)
                return
    if len(batches[0][1]) < FEWEST:
        two_labels(values, training[0], updates, out)
        return
    for _, classes in labels:
        starts = [run_of(classes, y) for _, y in batches]
        if all(at is not None for at in starts) and order_of(batches) == "in random order":
            used = updates[0].labels
            assert used is not None
            event = next((e for e in used.value.events if e.site.kind != "operand"), None)
            said = (
                f"The labels of update 1 are numbers {starts[0]} to "
                f"{starts[0] + len(batches[0][1]) - 1} of the data, its samples are not: "  # type: ignore[operator]
                f"{best:.0%} of the labels are those of their samples."
            )
            out.add("shuffling", event, said)
            return
    if two_labels(values, training[0], updates, out):
        return
    out.not_checked.append(
        f"samples and labels: {best:.0%} of the labels are at the places of their samples in any "
        f"array of labels that was seen"
    )


def two_labels(values: Values, data: DataSet, updates: list[Update], out: TrainingVerdict) -> bool:
    """Whether the same sample came with different labels: then they are drawn apart.

    Minibatches and labels are paired by the lines that assign them, as often as these were seen.
    """
    first = updates[0]
    assert first.labels is not None
    X, y = first.found.layers[0].h.value, first.labels.value
    keys, classes = batches_at(values, data, X), labels_at(values, y, first.found.p.rows.shape[1])
    if (
        keys is None
        or len(keys) != len(classes)
        or any(len(k) != len(c) for k, c in zip(keys, classes, strict=True))
    ):
        return False
    known: dict[int, int] = {}
    again = other = 0
    for k, c in zip(keys, classes, strict=True):
        for sample, label in zip(k, c, strict=True):
            if sample in known:
                again += 1
                other += known[sample] != label
            known[int(sample)] = int(label)
    if again < FEWEST or other < (1 - APART) * again:
        return False
    event = next((e for e in y.events if e.site.kind != "operand"), None)
    said = (
        f"Samples and labels are drawn apart: of {again} times that a sample was used again, it "
        f"had another label {other} times."
    )
    out.add("shuffling", event, said)
    return True


SAME = 0.9
"""Share of an epoch's samples that the next one draws again, where the others are left out."""


def never_seen(
    values: Values, training: list[DataSet], updates: list[Update], out: TrainingVerdict
) -> None:
    """Says how many samples were in none of the minibatches of two epochs.

    An epoch is a run of minibatches without a sample that comes twice. That samples are left out
    may be meant, as those of a validation set are.
    """
    X = updates[0].found.layers[0].h.value
    data = min(training, key=lambda one: one.n)
    batches = batches_at(values, data, X)
    if batches is None or not batches:
        return
    drawn = np.concatenate(batches)
    _, first = np.unique(drawn, return_index=True)
    is_new = np.zeros(len(drawn), bool)
    is_new[first] = True
    length = len(drawn) if is_new.all() else int(is_new.argmin())
    epoch = drawn[length : 2 * length]
    if len(epoch) < length or len(np.unique(epoch)) < length:
        return  # drawn with replacement, or one epoch was seen
    if len(np.intersect1d(drawn[:length], epoch)) < SAME * length:
        return  # a sample that was drawn again by chance does not end an epoch
    missing = data.n - len(first)
    if missing >= len(batches[0]):
        event = X.shown
        said = (
            f"{missing} of {data.n} samples were in no minibatch of {len(drawn) // length} epochs "
            f"of {length} samples."
        )
        out.add("samples", event, said, fails=False)


def labels_at(values: Values, y: Value, classes: int) -> list[np.ndarray]:
    """The classes of every minibatch at the line that assigned one of them; none where that line
    assigned no labels, but p - Y."""
    found: list[np.ndarray] = []
    if y.array.ndim == 2 and not ((y.array == 0) | (y.array == 1)).all():
        return found
    for event in values.recording.events:
        if event.array is None or (event.site.id, event.path) != (y.shown.site.id, y.shown.path):
            continue
        held = values.by_id.get(event.array)
        if held is None:
            continue
        a = held.array
        if a.ndim == 2:
            a = a.argmax(axis=0 if a.shape[1] != classes else 1)
        found.append(a.astype(int))
    return found


def first_permutation(values: Values, data: DataSet) -> int:
    """The first event that may have changed the order of the data.

    Labels recorded before it are in the original order.
    """
    drawn = [
        value.first
        for value in values.of_shape((data.n,))
        if value.raw.dtype.kind in "iu"
        and value.raw.min() == 0
        and (np.sort(value.raw) == np.arange(data.n)).all()
    ]
    return min(drawn, default=data.event.index)


def run_of(classes: np.ndarray, y: np.ndarray) -> int | None:
    """The position of consecutive labels in all labels."""
    if len(np.unique(y)) < 2:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(classes, len(y))
    found = np.flatnonzero((windows == y).all(axis=1))
    return int(found[0]) if len(found) else None


def last_named(value: Value, end: int) -> Event | None:
    """The last assignment of an array before an event."""
    events = [e for e in value.events if e.index < end and e.site.kind == "assign"]
    return events[-1] if events else value.shown


def unused_permutation(
    values: Values, data: DataSet, labels: tuple[Value, np.ndarray], updates: list[Update],
    sets: list[DataSet], out: TrainingVerdict,
) -> None:  # fmt: skip
    """A permutation of the data that was drawn, although minibatches are taken in order."""
    value, classes = labels
    start = updates[0].found.index
    for drawn in values.of_shape((data.n,)):
        a = drawn.raw
        if a.dtype.kind not in "iu" or not value.first < drawn.first < start:
            continue
        if (np.sort(a) != np.arange(data.n)).any() or (a == np.arange(data.n)).all():
            continue
        if not used(values, a, data, classes, sets):
            said = (
                f"A permutation of all {data.n} samples is drawn, but the minibatches are taken "
                f"in the order of the data."
            )
            out.add("shuffling", drawn.shown, said)
            return


def used(
    values: Values, permutation: np.ndarray, data: DataSet, classes: np.ndarray,
    sets: list[DataSet],
) -> bool:  # fmt: skip
    """Whether samples or labels in the order of a permutation, or the first of them, were seen."""
    for other in sets:
        if other.n <= data.n and other.id != data.id:
            wanted = data.key[permutation[: other.n]]
            if np.abs(other.key - wanted).max() <= data.rounding + other.rounding:
                return True
    for shape, group in values.by_shape.items():
        m = max(shape)
        if FEWEST <= m <= data.n and group[0].raw.ndim == 1:
            wanted = classes[permutation[:m]]
            if any(v.raw.dtype.kind in "iu" and np.array_equal(v.raw, wanted) for v in group):
                return True
    return False
