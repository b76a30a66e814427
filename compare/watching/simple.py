"""Arrays that follow from recognised ones by one simple operation: exp(s), P - Y, s - mu, ..."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from compare.watching.rebuild import Pass
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


class Simple:
    """The arrays known so far, and what follows from them.

    Arguments:
        names: recognised arrays of the forward pass, samples in rows.
        roles: recognised gradients.
        found: the forward pass.
    """

    def __init__(self, names: Mapping[str, np.ndarray], roles: Roles, found: Pass) -> None:
        self.known: list[tuple[str, np.ndarray]] = []
        self.tolerance = 10 * found.tolerance
        for name, array in names.items():
            self.add(name, array)
        for name, role in roles.found.items():
            self.add(f"dJ/d{name}", role.gradient)
        for name, role in roles.updates.items():
            self.add(f"the new {name}", role.gradient)
        for layer, number in zip(found.layers, range(1, 99), strict=False):
            self.add(f"W{number} x", layer.s - layer.b)

    def add(self, name: str, array: np.ndarray) -> None:
        if len(self.known) < MOST and np.ndim(array) in (1, 2):
            self.known.append((name, np.asarray(array, np.float64)))

    def explain(self, value: Value) -> str:
        """What an array is made of, in words; "" where that is not simple."""
        if not np.isfinite(value.array).all():
            return ""
        with np.errstate(all="ignore"):
            for said, rows in self.candidates(value):
                self.add(f"({said})" if " " in said else said, rows)
                return said
        return ""

    def candidates(self, value: Value) -> Iterator[tuple[str, np.ndarray]]:
        turned = [value.array] if value.array.ndim == 1 else [value.array, value.array.T]
        for rows in turned:
            for name, known in self.known:
                for form, apply in UNARY.items():
                    if self.equals(rows, apply(known)):
                        yield form.format(name), rows
            picks = np.linspace(0, rows.size - 1, PROBED).astype(int)
            probe = rows.ravel()[picks]
            sampled = [
                (name, spread.ravel()[picks])
                for name, known in self.known
                for spread in spreads(known, rows.shape)
            ]
            for name, a in sampled:
                for other, b in sampled:
                    for form, combine in BINARY.items():
                        if self.near(probe, combine(a, b)) and self.whole(rows, name, other, form):
                            yield form.format(name, other), rows

    def whole(self, rows: np.ndarray, name: str, other: str, form: str) -> bool:
        """Whether an operation gives the whole array, not only the entries it was tried on."""
        arrays = dict(self.known)
        return any(
            self.equals(rows, BINARY[form](a, b), exact=True)
            for a in spreads(arrays[name], rows.shape)
            for b in spreads(arrays[other], rows.shape)
        )

    def near(self, a: np.ndarray, b: np.ndarray) -> bool:
        top = np.abs(a).max()
        return bool(top > 0 and np.abs(a - b).max() <= self.tolerance * top)

    def equals(self, rows: np.ndarray, made: np.ndarray, *, exact: bool = False) -> bool:
        """Whether an array is what an operation made, or unless `exact` a multiple of it."""
        if made.shape != rows.shape or not rows.any():
            return False
        if exact:
            return self.near(rows, made)
        at = int(np.abs(made.ravel()[:64]).argmax())
        pivot = made.ravel()[at]
        if pivot == 0 or not np.isfinite(pivot):
            return False
        c = rows.ravel()[at] / pivot
        first = slice(0, 64)
        if not self.near(rows.ravel()[first], c * made.ravel()[first]):
            return False
        return bool(c != 0) and self.near(rows, c * made)


def spreads(known: np.ndarray, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """An array broadcast to a shape: itself, a vector along rows or down columns."""
    if known.shape == shape:
        yield known
    elif known.ndim == 1 and len(shape) == 2:
        if len(known) == shape[1]:
            yield np.broadcast_to(known, shape)
        if len(known) == shape[0]:
            yield np.broadcast_to(known[:, None], shape)
