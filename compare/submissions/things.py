"""The user's objects seen from outside: their attributes, and the arrays somewhere in them."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Path = tuple[Any, ...]
"""How to reach a value: ".name" is an attribute, anything else an index or key."""

MAX_NESTING, MAX_VALUES = 6, 5000


def attributes(thing: Any) -> dict[str, Any]:
    """The attributes that an object holds itself."""
    return dict(getattr(thing, "__dict__", {}))


def is_object(value: Any) -> bool:
    """Whether a value is an instance with attributes, of a class written in Python."""
    return (
        isinstance(getattr(value, "__dict__", None), dict)
        and not (inspect.isclass(value) or inspect.ismodule(value) or inspect.isroutine(value))
        and not hasattr(value, "shape")
    )


def values_in(thing: Any) -> Iterator[tuple[Path, Any]]:
    """Everything that is no container in an object's attributes, lists, dicts and objects."""
    seen: set[int] = set()
    for number, entry in enumerate(walk(thing, (), seen)):
        if number >= MAX_VALUES:
            return
        yield entry


def walk(value: Any, path: Path, seen: set[int]) -> Iterator[tuple[Path, Any]]:
    """The same, below a path; what was seen before is passed over."""
    entries: Iterable[tuple[Any, Any]]
    if is_object(value):
        entries = [(f".{name}", held) for name, held in attributes(value).items()]
    elif isinstance(value, dict):
        entries = list(value.items())
    elif isinstance(value, list | tuple):
        entries = list(enumerate(value))
    else:
        yield path, value
        return
    if id(value) in seen or len(path) > MAX_NESTING:
        return
    seen.add(id(value))
    if not entries:
        yield path, value
    for key, entry in entries:
        yield from walk(entry, (*path, key), seen)


def put(thing: Any, path: Path, value: Any) -> None:
    """Puts a value where a path leads; the entries of a tuple cannot be replaced.

    Raises:
        TypeError: the place is in a tuple.
    """
    *above, last = path
    for key in above:
        thing = getattr(thing, key[1:]) if is_attribute(key) else thing[key]
    if is_attribute(last):
        setattr(thing, last[1:], value)
    else:
        thing[last] = value


def written(path: Path) -> str:
    """A path as code after the object's name: `.layers[0].W`."""
    return "".join(key if is_attribute(key) else f"[{key!r}]" for key in path)


def is_attribute(key: Any) -> bool:
    """Whether a step of a path is an attribute."""
    return isinstance(key, str) and key.startswith(".")


def methods_of(cls: type) -> dict[str, Callable[..., Any]]:
    """The functions that a class defines or inherits, without those of `object`."""
    found: dict[str, Callable[..., Any]] = {}
    for base in reversed(inspect.getmro(cls)):
        if base is not object:
            held = {n: getattr(cls, n) for n in vars(base) if not n.startswith("__")}
            found |= {n: f for n, f in held.items() if inspect.isfunction(f)}
    return found


def is_method(function: Any) -> bool:
    """Whether the function of a class takes the object first."""
    try:
        first = next(iter(inspect.signature(function).parameters), None)
    except (TypeError, ValueError):
        return False
    return first == "self"
