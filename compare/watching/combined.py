"""Arrays that combine recognised ones: running averages, velocities, vectors of all parameters."""

from collections.abc import Iterator

import numpy as np

from compare.watching.relations import two_terms
from compare.watching.values import Value, Values

BEFORE = 6
"""Number of earlier arrays that are tried as the previous value of an average."""


def average(
    value: Value, values: Values, known: list[tuple[str, np.ndarray]], tolerance: float
) -> str:
    """A description such as "0.9 of its last value and 0.1 mu1"; "" if it is no average."""
    for last in last_values(value, values):
        for name, array in known:
            for rows, _ in value.views(array.shape):
                for before, _ in last.views(array.shape):
                    fit = two_terms(rows, array, before)
                    if fit.error <= tolerance and fit.c and fit.d:
                        return f"{fit.d:.3g} of its last value and {fit.c:.3g} {name}"
    return ""


def last_values(value: Value, values: Values) -> Iterator[Value]:
    """Earlier arrays assigned at the same place, the latest first."""
    site, index = value.shown.site.id, value.shown.index
    places = [
        (event.index, other)
        for other in values.of_shape(value.raw.shape)
        for event in other.events
        if other is not value and event.site.id == site and event.index < index
    ]
    for _, other in sorted(places, key=lambda place: -place[0])[:BEFORE]:
        yield other


def parts(value: Value, known: list[tuple[str, np.ndarray]], tolerance: float) -> str:
    """A description such as "W1, b1, W2, b2 in one vector"; "" if it contains no known arrays."""
    flat = value.array
    if flat.ndim != 1:
        return ""
    limit = tolerance * float(np.abs(flat).max(initial=0))
    found: dict[int, str] = {}
    for name, array in known:
        for rows in (array, array.T) if array.ndim == 2 else (array,):
            piece = rows.ravel()
            if len(piece) >= len(flat) or not piece.any():
                continue
            starts = np.flatnonzero(np.abs(flat[: len(flat) - len(piece) + 1] - piece[0]) <= limit)
            at = next(
                (i for i in starts if np.abs(flat[i : i + len(piece)] - piece).max() <= limit), None
            )
            if at is not None:
                found.setdefault(int(at), name)
                break
    if len(found) < 2:
        return ""
    return ", ".join(name for _, name in sorted(found.items())) + " in one vector"
