"""Match values to the arguments of a function by their names."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compare.submissions.asking.failures import Unsupported
from compare.submissions.names import parameter_argument, plain, role_of, tensor_name
from compare.submissions.orientation import as_array
from compare.submissions.things import is_tensor

RETURNS_MORE = re.compile(r"^(ret|give|with|keep|save|store|output|cache|all|full)")
"""Beginnings of the names of flags that ask the forward pass for its intermediates too."""


@dataclass
class Values:
    """All values that an argument may receive.

    Arguments:
        one_hot: Y, classes by samples or samples by classes.
        labels: y (n,).
        prefers_one_hot: which of the two an argument gets whose name leaves it open.
        lists: W, b, gamma, beta, each a list over the layers.
        roles: the rest, by role.
        forward: what the forward function returned, by name.
        whole: the same as it came, for an argument such as `cache`.
        single: W stands for the only layer's array, not for a list of one.
        guessed: roles of arguments whose names say nothing, by name.
        holder: the object whose methods are called.
    """

    one_hot: Any
    labels: Any
    prefers_one_hot: bool
    lists: dict[str, list[Any]]
    roles: dict[str, Any]
    forward: dict[str, Any] = field(default_factory=dict)
    whole: Any = None
    single: bool = False
    guessed: Mapping[str, str] = field(default_factory=dict)
    holder: Any = None


def signature(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The named arguments without self; none if Python cannot tell them."""
    try:
        arguments = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []
    named = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [a for a in arguments if a.kind not in named and a.name != "self"]


def role(name: str) -> str | None:
    """The meaning of an argument, including a single layer's parameter."""
    if parameter_argument(name):
        return parameter_argument(name)[0]  # type: ignore[index]
    return role_of(name)


def roles(function: Callable[..., Any]) -> set[str]:
    """The meanings of all arguments."""
    return {found for a in signature(function) if (found := role(a.name))}


def layers_of(function: Callable[..., Any]) -> int | None:
    """The number of layers, if W1, W2, ... are separate arguments."""
    numbers = [
        found[1]
        for a in signature(function)
        if (found := parameter_argument(a.name)) and found[0] == "W"
    ]
    return max(numbers) if numbers else None


def bind(
    function: Callable[..., Any], values: Values
) -> tuple[list[Any], dict[str, Any], list[str], list[str]]:
    """The arguments for a call.

    Returns:
        Positional and keyword arguments, the names of required ones that nothing fits, and of
        those that were given what was left over.

    Raises:
        Unsupported: the function takes W1, W2, ... of another number of layers.
    """
    depth = layers_of(function)
    if depth is not None and depth != len(values.lists["W"]):
        raise Unsupported(f"takes the parameters of {depth} layers")
    arguments = signature(function)
    labelled = [plain(a.name) for a in arguments if role(a.name) == "Y"]
    samples = {a.name for a in arguments if role(a.name) == "X"}
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    unknown: list[str] = []
    guessed: list[str] = []
    used: list[Any] = []
    for argument in arguments:
        if "X" in samples and argument.name == "x" and "x" in values.forward:
            found, value = True, values.forward["x"]  # beside X, the inputs of the layers
        else:
            found, value = look_up(argument.name, values, both_labels=len(labelled) > 1)
        required = argument.default is inspect.Parameter.empty
        if found and argument.kind is inspect.Parameter.POSITIONAL_ONLY:
            positional.append(value)
        elif found:
            keywords[argument.name] = value
            used.append(value)
        elif argument.default is False and RETURNS_MORE.search(plain(argument.name)):
            keywords[argument.name] = True
        elif required:
            unknown.append(argument.name)
    if unknown and isinstance(values.whole, tuple):
        left = [v for v in values.whole if not any(v is other for other in used)]
        if len(left) == len(unknown):
            keywords |= dict(zip(unknown, left, strict=True))
            guessed, unknown = unknown, []
    if len(unknown) == 1 and values.whole is not None:
        # what the forward pass is called in the backward pass, be it `cache` or `activations`
        guessed = [unknown.pop()]
        keywords[guessed[0]] = rest(values)
    return positional, keywords, unknown, guessed


def look_up(name: str, values: Values, *, both_labels: bool) -> tuple[bool, Any]:
    """The value for one argument: (found, value)."""
    word = plain(name)
    single = parameter_argument(name)
    if single:
        layers = values.lists[single[0]]
        there = single[1] <= len(layers)
        return there, layers[single[1] - 1] if there else None
    stands_for = values.guessed.get(name) or role(name)
    if stands_for == "Y":
        if "onehot" in word or (both_labels and name[0] == "Y"):
            return True, values.one_hot
        if "label" in word or both_labels:
            return True, values.labels
        return True, values.one_hot if values.prefers_one_hot else values.labels
    if stands_for in ("W", "b", "gamma", "beta"):
        entries = values.lists[stands_for]
        return True, entries[0] if values.single and entries else entries
    if stands_for in values.roles:
        return True, values.roles[stands_for]
    if word in values.forward:
        return True, values.forward[word]
    if stands_for == "P":
        return probabilities(values)
    kind = tensor_name(name)
    for key, value in values.forward.items():
        if kind is not None and tensor_name(key) == kind:
            return True, value
    return False, None


def probabilities(values: Values) -> tuple[bool, Any]:
    """A result of the forward pass whose columns or rows sum to 1."""
    for value in values.forward.values():
        if looks_like_probabilities(value):
            return True, value
        if isinstance(value, list | tuple) and value and looks_like_probabilities(value[-1]):
            return True, value[-1]
    return False, None


def looks_like_probabilities(value: Any) -> bool:
    """Whether it is a matrix of values from 0 to 1 whose columns or rows sum to 1."""
    if is_tensor(value):
        value = as_array(value)
    if not isinstance(value, np.ndarray) or value.ndim != 2 or value.dtype.kind != "f":
        return False
    if not ((value >= 0) & (value <= 1)).all():
        return False
    return any(bool(np.allclose(value.sum(axis=axis), 1, atol=1e-2)) for axis in (0, 1))


def rest(values: Values) -> Any:
    """The single result of the forward pass besides the probabilities; if there are several, all of
    them."""
    if not isinstance(values.whole, tuple):
        return values.whole
    others = [value for value in values.whole if not looks_like_probabilities(value)]
    return others[0] if len(others) == 1 else values.whole


def as_tuple(value: Any) -> Any:
    """The results of a forward pass that returns them in a list, the probabilities first.

    A list that ends with them holds the outputs of all layers, and stays one result.
    """
    if not isinstance(value, list) or len(value) < 2:
        return value
    several = looks_like_probabilities(value[0]) and not looks_like_probabilities(value[-1])
    return tuple(value) if several else value


def named_results(value: Any, names: list[list[str | None]]) -> dict[str, Any]:
    """A function's results, by the names in its `return`.

    Arguments:
        value: as returned.
        names: of `returned_names`.

    Returns:
        By plain name; entries without one are "0", "1", ... by their place.
    """
    if isinstance(value, dict):
        return {plain(str(key)): entry for key, entry in value.items()}
    entries = list(value) if isinstance(value, tuple) else [value]
    found = next((n for n in names if len(n) == len(entries)), [None] * len(entries))
    named = {
        plain(name) if name else str(i): entry
        for i, (name, entry) in enumerate(zip(found, entries, strict=True))
    }
    for entry in entries:
        if isinstance(entry, dict) and isinstance(value, tuple):
            named |= {k: v for k, v in named_results(entry, []).items() if k not in named}
    return named
