"""Split a function's result into tensors with our names."""

from typing import Any

import numpy as np

from compare.numerics.structure import split_name
from compare.submissions.binding import looks_like_probabilities
from compare.submissions.names import plain, tensor_name
from compare.submissions.things import is_tensor, kind_of, values_in

ORDER = ("W", "b", "gamma", "beta")
HIDDEN = ("gamma", "beta", "mu", "v", "s_hat", "s_tilde", "x")
"""Kinds of tensors that the last layer does not have."""


def gradients_of(
    value: Any, names: list[list[str | None]], depth: int
) -> tuple[dict[str, Any], list[str]]:
    """Gradients in whatever they came: a dict of lists, a flat dict, a tuple of lists, a list of
    dicts.

    Arguments:
        value: as returned.
        names: of the function's `return` statements.
        depth: k.

    Returns:
        By our names, orientation as given; and the keys that say nothing.
    """
    if isinstance(value, list | tuple) and value and all(isinstance(v, dict) for v in value):
        if len(value) == 1:
            return gradients_of(value[0], [], depth)
        found: dict[str, Any] = {}
        unknown: list[str] = []
        for l, layer in enumerate(value, 1):
            for key, entry in layer.items():
                named = tensor_name(str(key))
                if named is None:
                    unknown.append(str(key))
                elif entry is not None:
                    found[f"{named[0]}{l}"] = entry
        return found, unknown
    if isinstance(value, dict):
        return tensors({str(key): entry for key, entry in value.items()}, depth)
    if isinstance(value, tuple | list):
        return tensors(named_entries(list(value), names), depth)
    if kind_of(value) == "object" and not is_tensor(value):
        held = {path[0][1:]: entry for path, entry in values_in(value) if len(path) == 1}
        return tensors(held, depth)
    return tensors({"W": value}, depth) if depth == 1 else ({}, [])


def named_entries(entries: list[Any], names: list[list[str | None]]) -> dict[str, Any]:
    """The entries of a tuple by the names in the `return`, else W, b, gamma, beta in this order.

    A dict among them that holds gradients is opened.
    """
    for entry in entries:
        if isinstance(entry, dict) and any(
            (known := tensor_name(str(key))) and known[0] in ORDER for key in entry
        ):
            return {str(key): inner for key, inner in entry.items()}
    for found in names:
        if len(found) == len(entries) and any(
            name and (known := tensor_name(name)) and known[0] in ORDER for name in found
        ):
            named = zip(found, entries, strict=True)
            return {name or f"entry {i}": entry for i, (name, entry) in enumerate(named)}
    return dict(zip(ORDER, entries, strict=False))


def tensors(entries: dict[str, Any], depth: int) -> tuple[dict[str, Any], list[str]]:
    """Lists opened, single tensors as they are; numbers that begin at 0 moved to 1."""
    found: dict[str, Any] = {}
    unknown: list[str] = []
    from_zero = any(tensor_name(key) == ("W", 0) for key in entries)
    for key, value in entries.items():
        named = tensor_name(key)
        if named is None:
            unknown.append(key)
            continue
        kind, l = named
        if l is not None:
            found.setdefault(f"{kind}{l + from_zero}", value)
        elif kind in ("loss", "cost"):
            found.setdefault(kind, value)
        elif is_list(value):
            found |= {n: v for n, v in numbered(kind, list(value), depth).items() if n not in found}
        elif kind == "p":
            found.setdefault("p", value)
        elif (depth - 1 if kind in HIDDEN else depth) == 1:
            found.setdefault(f"{kind}1", value)
        elif value is not None:
            unknown.append(key)
    return {name: value for name, value in found.items() if value is not None}, unknown


def is_list(value: Any) -> bool:
    """Whether it is a list over the layers rather than one array."""
    return isinstance(value, list | tuple) or (
        isinstance(value, np.ndarray) and value.dtype == object and value.ndim == 1
    )


def numbered(kind: str, values: list[Any], depth: int) -> dict[str, Any]:
    """A list over the layers with our numbers; a leading None before layer 1 is dropped."""
    if len(values) == depth + 1 and values[0] is None:
        values = values[1:]
    last = depth - 1 if kind in HIDDEN else depth
    return {f"{kind}{l}": value for l, value in enumerate(values[:last], 1)}


def forward_of(named: dict[str, Any], depth: int, X: Any) -> dict[str, Any]:
    """The intermediates among what the forward function returned, orientation as given.

    Arguments:
        named: by plain name, of `named_results`.
        depth: k.
        X: the samples as handed over: a list of layers' outputs that begins with them is one too
            long.
    """
    entries = dict(named)
    for name, value in named.items():
        kind = tensor_name(name)
        if kind == ("x", None) and is_list(value) and len(value) and is_same(value[0], X):
            entries[name] = list(value)[1:]
            if len(entries[name]) == depth and looks_like_probabilities(entries[name][-1]):
                entries.setdefault("p", entries[name][-1])
    found, _ = tensors(entries, depth)
    known = {n: v for n, v in found.items() if n[-1:].isdigit() or n in ("p", "loss", "cost")}
    return {n: v for n, v in known.items() if split_kind(n) not in ORDER}


def split_kind(name: str) -> str:
    """The kind of one of our tensors, with or without a number."""
    return split_name(name)[0] if name[-1].isdigit() else plain(name)


def is_same(value: Any, X: Any) -> bool:
    """Whether an entry is the samples themselves."""
    if getattr(value, "shape", None) != X.shape:
        return False
    return value is X or bool((value == X).all())
