"""The distinct arrays of a recording, by shape and time, in either orientation."""

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from itertools import product

import numpy as np

from compare.watching.activations import activation_of
from compare.watching.recording import Event, Recording
from compare.watching.relations import TOLERANCE

UNNAMED = ("operand", "product", "call")
"""Kinds of sites inside an expression, or inside a module or loss of torch's."""


REACH = 200
"""Maximum number of arrays of one shape that are searched; a deep network has many layers of one
width."""

FEW = 4
"""Number of rows on which a relation is tried first."""


@cache
def mixture(m: int) -> np.ndarray:
    """A fixed vector (m,) of random entries that sum to 0, so that a constant added to all of a
    row's entries changes nothing in the row's product with it; of a single entry, 1."""
    if m == 1:
        return np.ones(1)
    r = np.random.default_rng(m).standard_normal(m)
    return np.asarray(r - r.mean())


class Value:
    """A recorded array as a matrix or vector, without axes of length 1; images are rows.

    Arguments:
        id: of the array in the recording; negative for a part of one.
        raw: (r, c) or (r,), as recorded.
        events: where it was seen, in order.
        parts: of an array that holds b beside W, or ones beside samples, its two parts.
    """

    def __init__(self, id: int, raw: np.ndarray, events: list[Event]) -> None:
        self.id, self.raw, self.events = id, raw, events
        self.parts: list[Value] = []
        self.kept: dict[tuple[str, bool], np.ndarray] = {}

    @cached_property
    def array(self) -> np.ndarray:
        """The array in float64."""
        return np.asarray(self.raw, np.float64)

    @cached_property
    def indices(self) -> list[int]:
        """Indices of its events, in order."""
        return [event.index for event in self.events]

    @property
    def first(self) -> int:
        """Index of its first event."""
        return self.indices[0]

    @cached_property
    def shown(self) -> Event:
        """The first event with a name: an assignment, a return value, an argument."""
        return next((e for e in self.events if e.site.kind not in UNNAMED), self.events[0])

    @property
    def named(self) -> bool:
        """Whether it occurs outside of expressions too."""
        return self.shown.site.kind not in UNNAMED

    def seen_in(self, start: int, end: int) -> bool:
        """Whether it was seen from `start` until before `end`."""
        at = bisect_left(self.indices, start)
        return at < len(self.indices) and self.indices[at] < end

    def last_before(self, index: int) -> int:
        """Index of its last event before an index; -1 if there is none."""
        at = bisect_left(self.indices, index)
        return self.indices[at - 1] if at else -1

    def head(self, turned: bool) -> np.ndarray:
        """Its first rows, or with `turned` its first columns as rows, (few, m)."""
        key = ("head", turned)
        if key not in self.kept:
            rows = np.atleast_2d(self.array)
            rows = rows.T if turned else rows
            self.kept[key] = np.ascontiguousarray(rows[:FEW])
        return self.kept[key]

    def mixed(self, turned: bool) -> np.ndarray:
        """W^T r of W (m, d), or with `turned` of its transpose: (d,); see `mixture`."""
        key = ("mixed", turned)
        if key not in self.kept:
            W = np.atleast_2d(self.array)
            W = W.T if turned else W
            self.kept[key] = W.T @ mixture(len(W))
        return self.kept[key]

    def equals(self, raw: np.ndarray) -> bool:
        """Whether an array equals this one or its transpose."""
        if raw.dtype != self.raw.dtype:
            return False
        if raw.shape == self.raw.shape and np.array_equal(raw, self.raw):
            return True
        turned = raw.T
        return raw.ndim == 2 and turned.shape == self.raw.shape and np.array_equal(turned, self.raw)

    def views(self, shape: tuple[int, ...]) -> Iterator[tuple[np.ndarray, bool]]:
        """The array in this shape, and whether it was transposed."""
        if self.array.shape == shape:
            yield self.array, False
        if self.array.ndim == 2 and self.array.shape[::-1] == shape:
            yield self.array.T, True
        if self.array.ndim == 1 and shape == (1, len(self.array)):  # of one sample
            yield self.array[None], False
        elif self.array.ndim == 1 and shape == (len(self.array), 1):  # of one unit
            yield self.array[:, None], True


class Values:
    """All arrays of a recording, as matrices and vectors."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        seen: dict[int, list[Event]] = defaultdict(list)
        for event in recording.events:
            if event.array is not None:
                seen[event.array].append(event)
        self.by_id: dict[int, Value] = {}
        self.by_shape: dict[tuple[int, ...], list[Value]] = defaultdict(list)
        self.alike: dict[tuple[object, ...], list[Value]] = defaultdict(list)
        for number, events in seen.items():
            shape = flat_shape(recording.places[number][1])
            if shape:
                self._add(number, recording.array(number).reshape(shape), events)
        for value, parts in bordered(self.by_shape):
            self.by_shape[tuple(sorted(value.raw.shape))].remove(value)  # only its parts are read
            for raw in parts:
                value.parts.append(self._add(-len(self.by_id), raw, value.events))
        self.all = [value for group in self.by_shape.values() for value in group]
        for value in self.all:
            value.events.sort(key=lambda event: event.index)
        self.all.sort(key=lambda value: value.first)

    def _add(self, number: int, raw: np.ndarray, events: list[Event]) -> Value:
        """A new value, or the equal one that there is, which was then seen there too."""
        key = corners(raw)
        same = next((other for other in self.alike[key] if other.equals(raw)), None)
        if same is None:
            same = Value(number, raw, list(events))
            self.alike[key].append(same)
            self.by_shape[tuple(sorted(raw.shape))].append(same)
        else:
            same.events.extend(events)
        self.by_id[number] = same
        return same

    def of_shape(self, shape: tuple[int, ...]) -> list[Value]:
        """Values of a shape, in either orientation, in order of their first event."""
        return self.by_shape.get(tuple(sorted(n for n in shape if n != 1)), [])

    def before(self, index: int, shape: tuple[int, ...], reach: int = REACH) -> list[Value]:
        """At most `reach` values last seen before an event, the latest first."""
        found = [(v.last_before(index), v) for v in self.of_shape(shape)]
        found = sorted((pair for pair in found if pair[0] >= 0), key=lambda pair: -pair[0])
        return [value for _, value in found[:reach]]

    def numbers(self, index: int) -> set[float]:
        """The numbers seen outside of expressions before an event, counters of loops left out."""
        passed = (*UNNAMED, "loop")
        named = (e for e in self.recording.events[:index] if e.site.kind not in passed)
        seen = {event.value for event in named if event.value is not None}
        return {number for number in seen if math.isfinite(number)}

    def within(self, start: int, end: int, shape: tuple[int, ...]) -> list[Value]:
        """Values seen between two events, in order of their first event there."""
        found = [v for v in self.of_shape(shape) if v.seen_in(start, end)]
        return sorted(found, key=lambda v: v.indices[bisect_left(v.indices, start)])


def bordered(
    by_shape: Mapping[tuple[int, ...], Sequence[Value]],
) -> list[tuple[Value, list[np.ndarray]]]:
    """Arrays that hold b beside W, or ones beside hidden units, and their parts.

    They are told by hidden units that were seen without their ones, as the output of an activation.
    """
    matrices = [v for shape, group in by_shape.items() if len(shape) == 2 for v in group]
    matrices = [value for value in matrices if value.raw.dtype.kind == "f"]
    edges = {
        (len(rows), at)
        for value in matrices
        for rows in (value.raw, value.raw.T)
        for at in (0, -1)
        if len(rows) != rows.shape[1]  # else samples could be taken for units
        and (rows[at] == 1).all()
        and is_hidden(np.delete(rows, at, axis=0), by_shape)
    }
    found = []
    for value in matrices:
        sides = product((value.raw, value.raw.T), edges)
        cut = next(((rows, at) for rows, (length, at) in sides if len(rows) == length), None)
        if cut is not None:
            inner, edge = np.delete(cut[0], cut[1], axis=0), cut[0][cut[1]]
            found.append((value, [inner] if (edge == 1).all() else [inner, edge]))
    return found


def is_hidden(rows: np.ndarray, by_shape: Mapping[tuple[int, ...], Sequence[Value]]) -> bool:
    """Whether an array (m, n) is an activation's output whose input was seen."""
    if min(rows.shape) < 2:
        return False
    known = by_shape.get(tuple(sorted(rows.shape)), ())
    return any(
        z is not None and not np.array_equal(z, rows) and activation_of(rows, z, TOLERANCE)
        for value in known
        for z, _ in value.views(rows.shape)
    )


def flat_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without axes of length 1; of images (n, 32, 32, 3) that of a row each."""
    kept = tuple(n for n in shape if n != 1)
    return kept if len(kept) <= 2 else (kept[0], math.prod(kept[1:]))


def corners(raw: np.ndarray) -> tuple[object, ...]:
    """A key that an array shares with its transpose and few other arrays."""
    if raw.ndim == 1:
        return raw.shape, raw.dtype.str, raw[0].item(), raw[-1].item(), raw[raw.size // 2].item()
    ends = frozenset((raw[0, -1].item(), raw[-1, 0].item()))
    return tuple(sorted(raw.shape)), raw.dtype.str, raw[0, 0].item(), raw[-1, -1].item(), ends
