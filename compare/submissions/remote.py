"""Objects in the user's process, used here as if they were here.

The attributes of a `Remote` are asked for, it can be called, and operators on it work there.
"""

import builtins
import inspect
from typing import TYPE_CHECKING, Any

from compare.submissions.messages import RemoteError

if TYPE_CHECKING:
    from compare.submissions.session import Session

PARAMETER_KINDS = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
    inspect.Parameter.KEYWORD_ONLY,
    inspect.Parameter.VAR_KEYWORD,
)


def lasting(thing: "Remote") -> "Remote":
    """The same object, not forgotten at the end of what is temporary."""
    return Remote(thing._session, thing._session.agent.keep(thing), thing._about)


class Remote:
    """An object in the user's process. Its own attributes here begin with an underscore."""

    __slots__ = ("_about", "_number", "_session")

    def __init__(self, session: "Session", number: int, about: dict[str, Any]) -> None:
        object.__setattr__(self, "_session", session)
        object.__setattr__(self, "_number", number)
        object.__setattr__(self, "_about", dict(about))

    def __getattr__(self, name: str) -> Any:
        if name == "__name__" and self._about.get("name"):
            return str(self._about["name"])
        if name == "__signature__":
            return signature_of(self)
        if name == "_partialmethod" or (name.startswith("__") and name.endswith("__")):
            raise AttributeError(name)  # Python itself asks for these
        try:
            return self._session.ask("get", self._number, name=name)
        except RemoteError as error:
            if error.is_a("AttributeError"):
                raise AttributeError(name) from error
            raise

    def __setattr__(self, name: str, value: Any) -> None:
        self._session.ask("set", self._number, name=name, value=value)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        return self._session.ask("call", self._number, args=args, keywords=keywords)

    def _by(self, function: str, *args: Any, of: str = "operator") -> Any:
        """A function of a module of the user's Python, of this object."""
        return getattr(self._session.module(of), function)(self, *args)

    def __enter__(self) -> Any:
        return self._session.agent.enter(self)

    def __exit__(self, *_: object) -> None:
        self._session.agent.leave(self)

    def __getitem__(self, key: Any) -> Any:
        return self._by("getitem", key)

    def __add__(self, other: Any) -> Any:
        return self._by("add", other)

    def __radd__(self, other: Any) -> Any:
        return self._by("add", other)

    def __mul__(self, other: Any) -> Any:
        return self._by("mul", other)

    def __rmul__(self, other: Any) -> Any:
        return self._by("mul", other)

    def __pow__(self, other: Any) -> Any:
        return self._by("pow", other)

    def __float__(self) -> float:
        return float(self._by("float", of="builtins"))

    def __len__(self) -> int:
        return int(self._by("len", of="builtins"))

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        return builtins.str(self._by("str", of="builtins"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Remote) and other._number == self._number

    def __hash__(self) -> int:
        return self._number


def description(thing: Any) -> dict[str, Any]:
    """Arguments, text and place of something that can be called; {} of anything else."""
    if not isinstance(thing, Remote):
        return {}
    held = thing._session.descriptions
    if thing._number not in held:
        held[thing._number] = thing._session.agent.describe(thing)
    return held[thing._number]


def signature_of(thing: Remote) -> inspect.Signature:
    """The arguments of a function or constructor.

    Raises:
        AttributeError: Python cannot tell them.
    """
    listed = description(thing).get("parameters")
    if listed is None:
        raise AttributeError("__signature__")
    return inspect.Signature(
        [
            inspect.Parameter(
                name,
                PARAMETER_KINDS[kind],
                default=(tuple(default) if is_tuple else default)
                if has_default
                else inspect.Parameter.empty,
            )
            for name, kind, has_default, default, is_tuple in listed
        ],
        __validate_parameters__=False,
    )
