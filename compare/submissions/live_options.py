"""The options of `twingrad.check`, and which objects can be checked."""

import inspect
from collections.abc import Sequence
from numbers import Integral, Real
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any

from compare.submissions.live_source import functions_in
from compare.submissions.request import Request, trial
from twingrad.errors import UserError


def requested(*, hidden: Sequence[int] | None, **options: Any) -> Request:
    """The networks to try, from the options of `twingrad.check`.

    Raises:
        UserError: an option outside its range.
    """
    if hidden is not None:
        try:
            hidden = tuple(int(width) for width in hidden)
        except (TypeError, ValueError) as error:
            raise UserError(
                f"hidden is {hidden!r}, but expected widths such as (50, 50)"
            ) from error
    for name, least in (("inputs", 1), ("samples", 2), ("penalty", 0), ("seed", 0)):
        if options[name] is not None:
            number_from(name, options[name], least, whole=name != "penalty")
    request = Request(hidden=hidden, **options)
    _ = trial(request, 3, bool(request.batch_norm)).network  # raises for a width below 1
    return request


def number_from(name: str, value: Any, least: int, *, whole: bool = False) -> None:
    """Raise UserError if an option is not a finite number of at least `least`."""
    kind = Integral if whole else Real
    if not isinstance(value, kind) or not least <= value < float("inf"):  # type: ignore[operator]
        what = "a whole number" if whole else "a finite number"
        raise UserError(f"{name} is {value!r}, but expected {what} of at least {least}")


def must_be_function(role: str, function: Any) -> None:
    """Raise UserError if it is not a function."""
    if isinstance(function, FunctionType):
        return
    if isinstance(function, MethodType):
        owner = type(function.__self__).__name__
        raise UserError(f"check: {role} is a method; check its class: twingrad.check({owner})")
    what = type(function).__name__
    raise UserError(f"check: {role} is a {what}, but expected a Python function")


def checkable(thing: Any) -> Any:
    """The object itself, or its class if a new object is made for every network.

    Raises:
        UserError: neither code nor an object with code of the user's.
    """
    if isinstance(thing, MethodType):
        must_be_function("the object", thing)
    if isinstance(thing, str | Path):
        raise UserError(
            f"check: {str(thing)!r} is a path; for a file: twingrad check --code FILE, or "
            "twingrad.watch(FILE) for a program that trains"
        )
    if isinstance(thing, ModuleType | FunctionType) or inspect.isclass(thing):
        return thing
    if not functions_in(thing):
        what = type(thing).__name__
        raise UserError(
            f"check: an object of type {what} was given, but expected functions, a class, a torch "
            "module or an adapter"
        )
    is_torch = any(base.__module__.startswith("torch.nn") for base in type(thing).__mro__)
    return thing if is_torch or is_adapter(thing) else type(thing)


def is_adapter(thing: Any) -> bool:
    """Whether an object has `gradients(network, parameters, ...)`."""
    function = getattr(thing, "gradients", None)
    return callable(function) and list(inspect.signature(function).parameters)[:2] == [
        "network",
        "parameters",
    ]
