"""The user's objects seen from outside: their kinds, attributes, and arrays."""

from collections.abc import Iterable
from typing import Any

from compare.submissions.remote import Remote, description
from compare.submissions.session import session

Path = tuple[Any, ...]
"""The path to a value: ".name" is an attribute, anything else an index or key."""

MAX_VALUES = 5000


def is_function(thing: Any) -> bool:
    """Whether it is a function written in Python."""
    return kind_of(thing) == "function"


def is_class(thing: Any) -> bool:
    """Whether it is a class."""
    return kind_of(thing) == "class"


def is_routine(thing: Any) -> bool:
    """Whether it is a function or method of any kind."""
    return kind_of(thing) in ("function", "method", "builtin")


def kind_of(thing: Any) -> str:
    """The kind of an object in the user's process; "" for a value of ours."""
    return str(thing._about.get("kind", "")) if isinstance(thing, Remote) else ""


def type_name(thing: Any) -> str:
    """The name of a value's class."""
    return str(thing._about.get("class", "")) if isinstance(thing, Remote) else type(thing).__name__


def is_a(thing: Any, name: str) -> bool:
    """Whether an object's classes, or a class's bases, include a class with this full name."""
    return isinstance(thing, Remote) and name in thing._about.get("mro", ())


def is_torch(thing: Any) -> bool:
    """Whether it is a torch module, or a class of torch modules."""
    return is_a(thing, "torch.nn.modules.module.Module")


def is_tensor(thing: Any) -> bool:
    """Whether it is a torch tensor."""
    return is_a(thing, "torch.Tensor")


def file_of(thing: Any) -> str:
    """The file of the module that defines a function, a class, or an object's class."""
    return str(thing._about.get("file", "")) if isinstance(thing, Remote) else ""


def attributes(thing: Any) -> dict[str, Any]:
    """The attributes of an object itself; numbers and text as they are."""
    return dict(session().agent.attributes(thing))


def values_in(thing: Any) -> list[tuple[Path, Any]]:
    """All values, except containers, in an object's attributes, lists, dicts and objects."""
    return [(path, value) for path, value in session().agent.values_in(thing, MAX_VALUES)]


def put_all(thing: Any, values: Iterable[tuple[Path, Any]]) -> None:
    """Store values at their paths."""
    session().agent.put_all(thing, [[list(path), value] for path, value in values])


def methods_of(cls: Any) -> dict[str, Any]:
    """The functions that a class defines or inherits, without those of `object`."""
    return dict(session().agent.methods_of(cls))


def is_method(function: Any) -> bool:
    """Whether the function of a class takes the object first."""
    parameters = description(function).get("parameters") or [[""]]
    return bool(parameters[0][0] == "self")


def written(path: Path) -> str:
    """A path as code after the object's name: `.layers[0].W`."""
    return "".join(key if is_attribute(key) else f"[{key!r}]" for key in path)


def is_attribute(key: Any) -> bool:
    """Whether a step of a path is an attribute."""
    return isinstance(key, str) and key.startswith(".")
