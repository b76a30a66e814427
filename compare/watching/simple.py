"""Arrays that follow from recognised ones by one simple operation: exp(s), P - Y, s - mu, ..."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from compare.watching.losses import p_gradient
from compare.watching.rebuilt import Pass
from compare.watching.roles import Roles
from compare.watching.values import Value

UNARY: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "exp({})": np.exp,
    "log({})": np.log,
    "{} squared": np.square,
    "root of {}": np.sqrt,
    "1 / {}": np.reciprocal,
    "1 / root of {}": lambda a: 1 / np.sqrt(a),
    "{} where positive": lambda a: np.maximum(a, 0),
    "{} > 0": lambda a: (a > 0).astype(float),
    "{} <= 0": lambda a: (a <= 0).astype(float),
    "{} less its row maximum": lambda a: a - a.max(axis=-1, keepdims=True),
    "exp({} less its row maximum)": lambda a: np.exp(a - a.max(axis=-1, keepdims=True)),
    "sum of {} over rows": lambda a: a.sum(axis=0),
    "sum of {} along rows": lambda a: a.sum(axis=-1),
    "mean of {} over rows": lambda a: a.mean(axis=0),
    "row maximum of {}": lambda a: a.max(axis=-1),
    "{}": lambda a: a,
}

BINARY: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "{} * {}": np.multiply,
    "{} - {}": np.subtract,
    "{} + {}": np.add,
    "{} / {}": np.divide,
}

PROBED = 6
"""Entries on which an operation is tried first."""

MOST = 120
"""Known arrays; a program with more layers is left with some lines not recognised."""


class Group:
    """What unary operations make of the known arrays, by shape: words, arrays and a few entries."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        size = int(np.prod(shape))
        self.picks = np.linspace(0, size - 1, PROBED).astype(int)
        self.words: list[str] = []
        self.arrays: list[np.ndarray] = []
        self.entries = np.zeros((0, PROBED))

    def add(self, words: list[str], arrays: list[np.ndarray]) -> None:
        self.words += words
        self.arrays += arrays
        rows = [array.ravel()[self.picks] for array in arrays]
        self.entries = np.concatenate([self.entries, np.reshape(rows, (-1, PROBED))])


class Simple:
    """The arrays known so far, and what follows from them.

    Arguments:
        names: recognised arrays of the forward pass, samples in rows.
        roles: recognised gradients.
        found: the forward pass.
        loss: of the network.
    """

    def __init__(
        self, names: Mapping[str, np.ndarray], roles: Roles, found: Pass, loss: str
    ) -> None:
        self.known: list[tuple[str, np.ndarray]] = []
        self.made: dict[tuple[int, ...], Group] = {}
        self.plain: dict[tuple[int, ...], Group] = {}
        self.tolerance = 10 * found.tolerance
        for name, array in names.items():
            self.add(name, array)
        for name, role in roles.found.items():
            self.add(f"dJ/d{name}", role.gradient)
        for name, role in roles.updates.items():
            self.add(f"the new {name}", role.gradient)
        if "p" in names and "Y" in names:
            with np.errstate(all="ignore"):
                self.add("dJ/dp", p_gradient(names["p"], names["Y"], loss))
        for number, layer in enumerate(found.layers, start=1):
            self.add(f"W{number} x", layer.s - layer.b)

    def add(self, name: str, array: np.ndarray) -> None:
        """Adds a known array, with all that unary operations make of it."""
        if len(self.known) >= MOST or np.ndim(array) not in (1, 2):
            return
        known = np.squeeze(np.asarray(array, np.float64))  # of one sample, vectors
        if known.ndim == 0:
            return
        self.known.append((name, known))
        with np.errstate(all="ignore"):
            for form, apply in UNARY.items():
                made = apply(known)
                if np.size(made) > 1:
                    group = self.made.setdefault(made.shape, Group(made.shape))
                    group.add([form.format(name)], [made])
        for shape, group in self.plain.items():
            spread = list(spreads(known, shape))
            group.add([name] * len(spread), spread)

    def explain(self, value: Value) -> str:
        """What an array is made of, in words; "" where that is not simple."""
        if not value.array.any():
            return "zeros"
        if not np.isfinite(value.array).all():
            return ""
        if not np.ptp(value.array):  # many operations give a constant by chance
            return f"all {value.array.flat[0]:g}"
        turned = [value.array] if value.array.ndim == 1 else [value.array, value.array.T]
        with np.errstate(all="ignore"):
            for search in (self.unary, self.binary):
                for rows in turned:
                    said = search(rows)
                    if said:
                        self.add(f"({said})" if " " in said else said, rows)
                        return said
        return ""

    def unary(self, rows: np.ndarray) -> str:
        """A multiple of what one operation makes of a known array."""
        group = self.made.get(rows.shape)
        if group is None:
            return ""
        probe = rows.ravel()[group.picks]
        pivot = int(np.abs(probe).argmax())
        factors = probe[pivot] / group.entries[:, pivot]
        away = np.abs(group.entries * factors[:, None] - probe).max(axis=1)
        for at in np.flatnonzero(away <= self.tolerance * np.abs(probe).max()):
            if self.near(rows, factors[at] * group.arrays[at]):
                return group.words[at]
        return ""

    def binary(self, rows: np.ndarray) -> str:
        """What one operation makes of two known arrays."""
        if rows.shape not in self.plain:
            group = self.plain[rows.shape] = Group(rows.shape)
            for name, known in self.known:
                spread = list(spreads(known, rows.shape))
                group.add([name] * len(spread), spread)
        group = self.plain[rows.shape]
        probe = rows.ravel()[group.picks]
        limit = self.tolerance * np.abs(probe).max()
        for form, combine in BINARY.items():
            made = combine(group.entries[:, None], group.entries[None])  # (known, known, few)
            for a, b in np.argwhere((np.abs(made - probe) <= limit).all(axis=2)):
                if self.near(rows, combine(group.arrays[a], group.arrays[b])):
                    return form.format(group.words[a], group.words[b])
        return ""

    def near(self, a: np.ndarray, b: np.ndarray) -> bool:
        top = np.abs(a).max()
        return bool(top > 0 and np.abs(a - b).max() <= self.tolerance * top)


def spreads(known: np.ndarray, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """An array broadcast to a shape: itself, a vector along rows or down columns."""
    if known.shape == shape:
        yield known
    elif known.ndim == 1 and len(shape) == 2:
        if len(known) == shape[1]:
            yield np.broadcast_to(known, shape)
        if len(known) == shape[0]:
            yield np.broadcast_to(known[:, None], shape)
