"""Arrays that hold b beside W, or ones beside hidden units."""

import numpy as np

from compare.watching.values import Value, bordered


def parts_of(*arrays: np.ndarray) -> list[tuple[int, list[tuple[int, ...]]]]:
    """The number of each array that is taken apart, and the shapes of its parts."""
    by_shape: dict[tuple[int, ...], list[Value]] = {}
    for number, array in enumerate(arrays):
        by_shape.setdefault(tuple(sorted(array.shape)), []).append(Value(number, array, []))
    return [(value.id, [part.shape for part in parts]) for value, parts in bordered(by_shape)]


def hidden(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The input z (n, 3) of a ReLU, its output h, and h beside ones."""
    z = np.random.default_rng(0).normal(size=(n, 3))
    h = np.maximum(z, 0)
    return z, h, np.hstack([h, np.ones((n, 1))])


def test_a_square_array_is_taken_apart_once() -> None:
    W = np.random.default_rng(1).normal(size=(4, 4))
    assert sorted(parts_of(*hidden(5), W)) == [(2, [(3, 5)]), (3, [(3, 4), (4,)])]


def test_as_many_samples_as_units_and_ones_are_left_whole() -> None:
    assert parts_of(*hidden(4)) == []
