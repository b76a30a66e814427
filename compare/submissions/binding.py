"""Match values to the arguments of a function by their names."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compare.submissions.asking.failures import Unsupported
from compare.submissions.handing_on import Order, orders
from compare.submissions.names import in_our_words, parameter_argument, plain, role_of, tensor_name
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
        names: of the forward function's results, in their order.
        written: in which order the file itself hands them on.
        order: in which order to hand them on; None takes the likeliest.
        for_cost: whether a cost is called, which takes the output rather than a cache.
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
    names: Sequence[str | None] = ()
    written: Sequence[Order] = ()
    order: Order | None = None
    for_cost: bool = False


@dataclass
class Bound:
    """The arguments for a call.

    Arguments:
        positional, keywords: as they are passed.
        unknown: the required ones that nothing fits.
        guessed: those that were given what was left over.
        orders: the plausible orders of what was left over, the likeliest first, with what speaks
            for each; empty if there is no choice.
    """

    positional: list[Any] = field(default_factory=list)
    keywords: dict[str, Any] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    guessed: list[str] = field(default_factory=list)
    orders: list[tuple[Order, str]] = field(default_factory=list)


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


def bind(function: Callable[..., Any], values: Values) -> Bound:
    """The arguments for a call.

    Raises:
        Unsupported: the function takes W1, W2, ... of another number of layers.
    """
    depth = layers_of(function)
    if depth is not None and depth != len(values.lists["W"]):
        raise Unsupported(f"takes the parameters of {depth} layers")
    arguments = signature(function)
    labelled = [plain(a.name) for a in arguments if role(a.name) == "Y"]
    samples = {a.name for a in arguments if role(a.name) == "X"}
    bound, used = Bound(), []
    for argument in arguments:
        if "X" in samples and argument.name == "x" and "x" in values.forward:
            found, value = True, values.forward["x"]  # beside X, the inputs of the layers
        else:
            found, value = look_up(argument.name, values, both_labels=len(labelled) > 1)
        required = argument.default is inspect.Parameter.empty
        if found and argument.kind is inspect.Parameter.POSITIONAL_ONLY:
            bound.positional.append(value)
        elif found:
            bound.keywords[argument.name] = value
            used.append(value)
        elif argument.default is False and RETURNS_MORE.search(plain(argument.name)):
            bound.keywords[argument.name] = True
        elif required:
            bound.unknown.append(argument.name)
    hand_on(bound, values, used)
    if len(bound.unknown) == 1 and values.whole is not None:
        # what the forward pass is called in the backward pass, be it `cache` or `activations`
        bound.guessed = [bound.unknown.pop()]
        bound.keywords[bound.guessed[0]] = output_of(values) if values.for_cost else rest(values)
    return bound


def hand_on(bound: Bound, values: Values, used: Sequence[Any]) -> None:
    """Give arguments whose names say nothing what the forward function returned beside the rest.

    Arguments:
        used: what other arguments take.
    """
    if not bound.unknown or not isinstance(values.whole, tuple):
        return
    left = {
        place: values.names[place] if len(values.names) == len(values.whole) else None
        for place, value in enumerate(values.whole)
        if not any(value is other for other in used)
    }
    if len(left) > len(bound.unknown) == 1:
        return
    bound.orders = orders(bound.unknown, left, values.written)
    if bound.orders:
        known = values.order is not None and values.order.keys() == set(bound.unknown)
        order = values.order if known else bound.orders[0][0]
        bound.keywords |= {name: values.whole[place] for name, place in order.items()}  # type: ignore[union-attr]
        bound.guessed, bound.unknown = bound.unknown, []


def look_up(name: str, values: Values, *, both_labels: bool) -> tuple[bool, Any]:
    """The value for one argument: (found, value)."""
    name = in_our_words(name, {n: k for n, k in values.guessed.items() if k in ("gamma", "beta")})
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


def output_of(values: Values) -> Any:
    """The only result of the forward pass with the shape of one-hot labels; if there is not one
    such, all results."""
    if not isinstance(values.whole, tuple):
        return values.whole
    shape = np.shape(values.one_hot)
    fitting = [value for value in values.whole if getattr(value, "shape", None) == shape]
    return fitting[0] if len(fitting) == 1 else values.whole


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
