"""Identify returned arrays by comparing shape and value with the reference."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

import manual_impl
from compare.cases import Case
from compare.submissions.names import tensor_name
from compare.submissions.orientation import Misshapen, Orientation, as_array

CLOSE = 1e-6
"""Tolerance relative to the tensor's largest entry; it also allows for float32 code."""

SMALL = 1e-3
"""Smallest scale of a tensor's tolerance."""

MAX_LEAVES, MAX_NESTING = 5000, 8

Path = tuple[Any, ...]
Leaves = dict[Path, np.ndarray]
Tensors = dict[str, np.ndarray]


def leaves_of(value: Any) -> Leaves:
    """The arrays in nested lists, tuples and dicts, by their keys."""
    found: Leaves = {}
    for path, leaf in walk(value, ()):
        try:
            array = as_array(leaf)
        except Misshapen:
            continue
        found[path] = array
        if len(found) >= MAX_LEAVES:
            break
    return found


def walk(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Every leaf, in order."""
    if isinstance(value, dict):
        entries: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list | tuple) or is_object_array(value):
        entries = enumerate(value)
    else:
        if value is not None and not isinstance(value, str | bool):
            yield path, value
        return
    if len(path) < MAX_NESTING:
        for key, entry in entries:
            yield from walk(entry, (*path, key))


def is_object_array(value: Any) -> bool:
    """An array of arrays."""
    return isinstance(value, np.ndarray) and value.dtype == object and value.ndim == 1


def readings(case: Case, all_eps: Sequence[float]) -> Iterator[tuple[Tensors, Tensors]]:
    """The reference's gradients and forward values, for every meaning of lambda and eps:
    lambda ||W||^2 and lambda/2 ||W||^2."""
    for eps in all_eps if case.network.batch_norm else all_eps[:1]:
        network = replace(case.network, eps=eps)
        for part in (1.0, 0.5) if case.penalty else (1.0,):
            read = replace(case, network=network, penalty=part * case.penalty)
            yield dict(read.gradients(manual_impl)), dict(read.forward(manual_impl))


def is_close(value: Any, expected: np.ndarray) -> bool:
    """Whether a value equals a tensor of the reference."""
    shape = getattr(value, "shape", None)
    if shape is None or tuple(shape) != expected.shape:
        return False
    allowed = CLOSE * max(float(np.abs(expected).max(initial=0)), SMALL)
    try:
        return bool(np.abs(as_array(value) - expected).max(initial=0) <= allowed)
    except Misshapen:
        return False


def turned(tensors: Mapping[str, np.ndarray], names: Iterable[str], how: Orientation) -> Tensors:
    """Tensors of the reference in the user's orientation."""
    return {
        name: np.asarray(tensors[name])
        if name in ("loss", "cost")
        else how.give("x0" if name == "p" else name, np.asarray(tensors[name]))
        for name in names
        if name in tensors
    }


def matched(leaves: Leaves, expected: Tensors) -> dict[str, Path]:
    """The leaf that equals each tensor; no leaf is used twice."""
    found: dict[str, Path] = {}
    for name, tensor in expected.items():
        for path, leaf in leaves.items():
            if path not in found.values() and is_close(leaf, tensor):
                found[name] = path
                break
    return found


def recognised_gradients(
    leaves: Leaves,
    named: Mapping[str, Any],
    case: Case,
    how: Orientation,
    all_eps: Sequence[float],
    *,
    guess: Leaves,
) -> dict[str, Any]:
    """The gradients among the leaves, in the user's orientation.

    Arguments:
        leaves: what was returned, and what else may hold gradients.
        named: what its names say; believed unless values contradict it.
        guess: those of the leaves that may be a wrong gradient, told by its shape alone.
    """
    names = list(case.network.parameter_shapes)
    by_name = 0
    by_value: dict[str, Path] = {}
    expected: Tensors = {}
    for gradients, _ in readings(case, all_eps):
        expected = turned(gradients, names, how)
        by_name = max(by_name, sum(is_close(named.get(n), t) for n, t in expected.items()))
        if by_name == len(names):
            return dict(named)
        found = matched(leaves, expected)
        by_value = max(by_value, found, key=len)
    believed = dict(named)
    taken: set[Path] = set()
    if len(by_value) > by_name:
        taken = set(by_value.values())
        kept = {n: v for n, v in named.items() if not any(same(v, leaves[p]) for p in taken)}
        believed = kept | {name: leaves[path] for name, path in by_value.items()}
    taken |= {p for p, leaf in leaves.items() if any(same(leaf, v) for v in believed.values())}
    for name in names:
        if name not in believed:
            path = first_fitting(name, expected[name].shape, guess, taken)
            if path is not None:
                believed[name] = leaves[path]
                taken.add(path)
    return believed


def first_fitting(
    name: str, shape: tuple[int, ...], leaves: Leaves, taken: set[Path]
) -> Path | None:
    """The first unused leaf with a shape, unless its name says that it is something else."""
    kind = name.rstrip("0123456789")
    for path, leaf in leaves.items():
        words = [tensor_name(key) for key in path if isinstance(key, str)]
        says = {word[0] for word in words if word is not None}
        if path not in taken and leaf.shape == shape and (not says or kind in says):
            return path
    return None


def same(value: Any, leaf: np.ndarray) -> bool:
    """Whether two arrays have equal values."""
    try:
        return getattr(value, "shape", None) == leaf.shape and equal(as_array(value), leaf)
    except Misshapen:
        return False


def equal(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays have equal entries; NaN is equal to NaN."""
    floats = one.dtype.kind in "fc" and other.dtype.kind in "fc"
    return bool(np.array_equal(one, other, equal_nan=floats))


def recognised_forward(
    leaves: Leaves, named: Mapping[str, Any], case: Case, how: Orientation, all_eps: Sequence[float]
) -> dict[str, Any]:
    """The values of the forward pass; those that equal another tensor are renamed."""
    best: tuple[int, dict[str, Any]] = (-1, dict(named))
    for _, trace in readings(case, all_eps):
        expected = turned(trace, [n for n in trace if n not in ("loss", "cost")], how)
        found = matched(leaves, expected)
        right = {n: v for n, v in named.items() if n in expected and is_close(v, expected[n])}
        mine = {n: leaves[path] for n, path in found.items() if n not in right}
        others = {
            n: v
            for n, v in named.items()
            if n not in right and n not in mine and not any(same(v, m) for m in mine.values())
        }
        if len(right) + len(mine) > best[0]:
            best = (len(right) + len(mine), others | right | mine)
    return best[1]


def count_right(gradients: Mapping[str, Any], case: Case, all_eps: Sequence[float]) -> int:
    """The number of parameters with the reference's gradient, under the best convention."""
    right, _ = nearest_reading(gradients, {}, case, all_eps)
    return sum(is_close(gradients.get(name), right[name]) for name in case.network.parameter_shapes)


def nearest_reading(
    gradients: Mapping[str, Any],
    forward: Mapping[str, Any],
    case: Case,
    all_eps: Sequence[float],
) -> tuple[Tensors, Tensors]:
    """The reference's gradients and forward values under the convention that most tensors have."""

    def fitting(reading: tuple[Tensors, Tensors]) -> int:
        pairs = zip((gradients, forward), reading, strict=True)
        return sum(
            is_close(value, expected[name])
            for found, expected in pairs
            for name, value in found.items()
            if name in expected
        )

    return max(
        (
            ({n: np.asarray(v) for n, v in g.items()}, {n: np.asarray(v) for n, v in f.items()})
            for g, f in readings(case, all_eps)
        ),
        key=fitting,
    )
