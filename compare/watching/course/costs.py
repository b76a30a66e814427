"""Compare the costs that a program computes with its probabilities and its weights."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, product

import numpy as np

from compare.watching.course.data_sets import label_arrays
from compare.watching.losses import BEFORE, mean_loss
from compare.watching.passes import Update
from compare.watching.probabilities import Probabilities, probabilities
from compare.watching.recording import Event
from compare.watching.values import Value, Values

WINDOW = 400
"""Number of events after a forward pass in which its cost is searched."""

LATEST = 3
"""Number of recent arrays of a shape, and of labels, that are tried for a pass."""

COARSE, COARSE_32, FINE = 1e-8, 1e-5, 1e-11
"""Relative tolerances: for any cost, for any cost in float32, and for a cost whose parts are all
known."""

COMBINATIONS = 81
"""Maximum number of combinations of weights tried for one pass."""

PASSES = 24
"""Maximum number of forward passes whose costs are examined."""


@dataclass(frozen=True)
class Sums:
    """The possible penalties of one weight matrix.

    Arguments:
        squares: ||W||^2; total: the sum of the entries.
    """

    squares: float
    total: float


def sums_of(W: np.ndarray) -> Sums:
    return Sums(float((W * W).sum()), float(W.sum()))


@dataclass(frozen=True)
class Costs:
    """The numbers that a program computed after one forward pass.

    Arguments:
        n: samples.
        loss: the mean over the samples, in the program's units.
        own: (n,), the probability of each sample's label; empty where p is no softmax.
        weights: one choice of the weights, from the first layer.
        others: the other parameters, where they are known.
        numbers: in order of execution.
        tolerance: relative.
        known: whether labels and weights are known, and not one choice of several.
        vectors: the sum of squares of b, gamma and beta, as far as these are penalised.
    """

    n: int
    loss: float
    own: np.ndarray
    weights: list[Sums]
    others: dict[str, np.ndarray]
    numbers: list[Event]
    tolerance: float
    known: bool
    vectors: float = 0.0

    @property
    def finest(self) -> float:
        """The tolerance of the first comparison, in which everything is known."""
        return FINE if self.known and self.tolerance < COARSE_32 else self.tolerance

    @cached_property
    def squares(self) -> float:
        """Sum over all layers of ||W||^2, with the vectors that are penalised."""
        return sum(W.squares for W in self.weights) + self.vectors

    def squares_of(self, names: Sequence[str]) -> float:
        """Sum of squares of other parameters."""
        return float(sum((self.others[name] ** 2).sum() for name in names))

    @cached_property
    def floats(self) -> np.ndarray:
        return np.array([event.value for event in self.numbers], float)

    def holds(self, expected: float, tolerance: float | None = None) -> Event | None:
        """The first number that equals an expected value."""
        if not np.isfinite(expected) or expected == 0 or not self.numbers:
            return None
        near = np.abs(self.floats - expected) <= (tolerance or self.tolerance) * abs(expected)
        return self.numbers[int(near.argmax())] if near.any() else None


def numbers_after(values: Values, start: int, end: int) -> list[Event]:
    """The numbers in the events after a pass that are not integers."""
    inside = values.recording.events[max(0, start - BEFORE) : min(end, start + WINDOW)]
    return [e for e in inside if e.value is not None and e.value != round(e.value)]


def training_costs(
    values: Values, updates: list[Update], found: list[Probabilities]
) -> list[Costs]:
    """Costs of the updates' own passes, with known labels and parameters."""
    costs = []
    starts = sorted(p.value.first for p in found)
    for u in updates:
        if u.case is None or u.labels is None:
            continue
        later = next((at for at in starts if at > u.found.index), len(values.recording.events))
        of_pass = losses_of(u.found.p.rows, u.labels.y, u.labels.loss, u.unit)
        weights = [sums_of(layer.W) for layer in u.found.layers]
        others = {k: v for k, v in u.case.parameters.items() if not k.startswith("W")}
        numbers = numbers_after(values, u.found.index, later)
        limit = tolerance_of(u.found.p.value.raw)
        costs.append(Costs(*of_pass, weights, others, numbers, limit, True))
    return costs


def losses_of(
    p: np.ndarray, y: np.ndarray, loss: str, unit: float
) -> tuple[int, float, np.ndarray]:
    """n, the mean loss and the probabilities of the labels, as in `Costs`."""
    softmax = loss == "cross_entropy"
    own = p[np.arange(len(p)), y] if softmax else np.zeros(0)
    return len(p), unit * mean_loss(p, y, loss), own


def tolerance_of(raw: np.ndarray) -> float:
    return COARSE_32 if raw.dtype.itemsize < 8 else COARSE


def evaluation_costs(
    values: Values, updates: list[Update], found: list[Probabilities]
) -> Iterator[list[Costs]]:
    """Costs of all other passes, for every combination of labels and weights."""
    shapes = [layer.W.shape for layer in updates[0].found.layers]
    known = ((u.labels.loss, u.unit) for u in updates if u.labels is not None)
    loss, unit = next(known, ("cross_entropy", 1.0))
    trained = {u.found.p.value.id for u in updates}
    starts = sorted(p.value.first for p in found)
    others = [p for p in found if p.value.id not in trained and p.value.array.ndim == 2]
    step = max(1, len(others) // PASSES)
    labels: dict[tuple[int, int], list[tuple[Value, np.ndarray]]] = {}
    sums: dict[int, Sums] = {}
    for p in others[::step]:
        index = p.value.first
        later = next((at for at in starts if at > index), len(values.recording.events))
        numbers = numbers_after(values, index, later)
        n, classes = p.rows.shape
        if (n, classes) not in labels:
            labels[n, classes] = label_arrays(values, n, classes)
        recent = sorted(labels[n, classes], key=lambda pair: -pair[0].last_before(later))[:LATEST]
        weights = []
        for shape in shapes:
            latest = values.before(index + 1, shape, LATEST)
            for value in latest:
                if value.id not in sums:
                    sums[value.id] = sums_of(value.array)
            weights.append([sums[value.id] for value in latest])
        if not numbers or not recent or not all(weights):
            continue
        limit = tolerance_of(p.value.raw)
        choices: list[Costs] = []
        for _, y in recent:
            of_pass = losses_of(p.rows, y, loss, unit)
            choices += [
                Costs(*of_pass, list(chosen), {}, numbers, limit, False)
                for chosen in islice(product(*weights), COMBINATIONS)
            ]
        yield choices


def all_costs(values: Values, updates: list[Update], penalised: Sequence[str]) -> list[list[Costs]]:
    """The costs of every pass, each with all combinations of what is unknown.

    Arguments:
        penalised: the vectors that are penalised as the weights are.
    """
    found = probabilities(values)
    seen = [
        [replace(costs, vectors=costs.squares_of(penalised))]
        for costs in training_costs(values, updates, found)
    ]
    return seen + list(evaluation_costs(values, updates, found))
