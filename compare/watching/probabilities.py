"""The arrays of a recording that may be a network's output: softmaxes, or sigmoids of logits."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from scipy.special import expit

from compare.watching.recording import Event
from compare.watching.relations import close, is_distribution, shares_of_one, sums_to_one
from compare.watching.values import Value, Values

SATURATED = 0.5
"""Share of samples with a probability of 1 above which a softmax reveals nothing."""

Form = Callable[[np.ndarray], np.ndarray]

SIGMOID_FORMS: tuple[Form, ...] = (
    expit,
    lambda z: expit(-z),
    lambda z: 1 / (1 + z),
    np.reciprocal,
)
"""The sigmoid of s, from the intermediates s, -s, exp(-s) and 1 + exp(-s)."""


FOUND: "WeakKeyDictionary[Values, list[Probabilities]]" = WeakKeyDictionary()
"""What was found in recordings that are still in use."""


@dataclass(frozen=True)
class Probabilities:
    """The output of a softmax or of sigmoids, and where it was first seen.

    Arguments:
        value: the array.
        axis: of the classes; a vector with axis 1 has one unit for all of its samples.
        over: what sums to 1, see `rebuilder.AXES`: "classes" of each sample, or "whole"; "each" for
            sigmoids, where nothing does.
    """

    value: Value
    axis: int
    over: str = "classes"

    @property
    def event(self) -> Event:
        """Where it was first seen; of sigmoids with a name, since for logits of one sign a part of
        a stable sigmoid's formula is all of it."""
        return self.value.shown if self.over == "each" else self.value.events[0]

    @property
    def columns(self) -> bool:
        """Whether samples are columns."""
        return self.axis == 0 and self.value.array.ndim == 2

    @property
    def rows(self) -> np.ndarray:
        """(n, classes)"""
        a = self.value.array
        if a.ndim == 1:
            return a[:, None] if self.axis else a[None]
        return a.T if self.columns else a

    @property
    def place(self) -> tuple[object, ...]:
        """Site, call stack, shape and axis, which the passes of one loop share."""
        return self.event.site.id, self.event.stack, self.value.array.shape, self.axis


def probabilities(values: Values) -> list[Probabilities]:
    """Every array of probabilities, in order of execution; sigmoids if no place has several."""
    if values not in FOUND:
        FOUND[values] = found_in(values)
    return FOUND[values]


def found_in(values: Values) -> list[Probabilities]:
    """`probabilities`, searched."""
    floats = [value for value in values.all if value.raw.dtype.kind == "f"]
    found = []
    for value in floats:
        axes = sums_to_one(value.array)
        if axes:
            found.append(Probabilities(value, axes[0]))
        elif shares_of_one(value.array):
            found.append(Probabilities(value, int(np.argmin(value.array.shape)), "whole"))
    if not found:  # one sample at a time
        found = [Probabilities(value, 0) for value in floats if is_distribution(value.array)]
    # of saturated logits exp(s - max) sums to 1 too
    found = [p for p in found if not saturated(p)] or found
    if all(len(group) == 1 for group in loops(found)):  # no training, but class priors, or shares
        found = list(sigmoids(values)) or found
    return sorted(found, key=lambda p: p.value.first)


def saturated(p: Probabilities) -> bool:
    """Whether the largest probability of most samples is 1."""
    return bool((p.value.array.max(axis=p.axis) == 1).mean() > SATURATED)


def sigmoids(values: Values) -> Iterator[Probabilities]:
    """Every array that is a sigmoid of one seen before, and every other one of its line, with
    samples in rows and in columns."""
    able = [v for v in values.all if v.raw.dtype.kind == "f"]
    able = [v for v in able if v.array.min() >= 0 and v.array.max() <= 1]
    varied = [v for v in able if np.ptp(v.array)]  # with weights of 0 all are 1/2
    told = {(v.shown.site.id, v.shown.stack) for v in varied if is_sigmoid(values, v)}
    for value in able:
        if (value.shown.site.id, value.shown.stack) in told:
            yield from (Probabilities(value, axis, "each") for axis in (1, 0))


def is_sigmoid(values: Values, value: Value) -> bool:
    """Whether an array is the sigmoid of an earlier one; 1 - p of a sigmoid p is left out."""
    a, tolerance = value.array, 1e-7 if value.raw.dtype.itemsize > 4 else 1e-5

    def equals(form: Form, z: np.ndarray) -> bool:
        made = form(z)
        return bool(np.isfinite(made).all()) and close(made, a, tolerance)

    before = [
        rows
        for seen in values.before(value.first + 1, a.shape)
        if seen is not value
        for rows, _ in seen.views(a.shape)
    ]
    first = np.array([rows.flat[0] for rows in before])

    def made_by(form: Form) -> bool:
        likely = np.flatnonzero(np.abs(form(first) - a.flat[0]) <= tolerance)
        return any(equals(form, before[at]) for at in likely)

    with np.errstate(all="ignore"):
        return any(map(made_by, SIGMOID_FORMS)) and not made_by(lambda p: 1 - p)


def loops(found: list[Probabilities]) -> list[list[Probabilities]]:
    """The probabilities grouped by place, the most frequent place first, and of sigmoids those with
    a name."""
    by_place: dict[tuple[object, ...], list[Probabilities]] = defaultdict(list)
    for p in found:
        by_place[p.place].append(p)

    def key(group: list[Probabilities]) -> tuple[bool, int]:
        return group[0].over == "each" and not group[0].value.named, -len(group)

    return sorted(by_place.values(), key=key)
