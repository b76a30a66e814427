"""Objects in the user's process, used here as if they were here.

Numbers, text, lists, tuples, dicts and NumPy arrays come by value. Everything else is a `Remote`:
its attributes are asked for, it can be called, and operators on it work there. What came from the
user's process, or was sent there before, is sent back as a reference, so that the code finds the
object that it made itself. Arrays that it changes in place change here too.
"""

import builtins
import contextlib
import functools
import inspect
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, fields, is_dataclass
from itertools import accumulate
from typing import Any, Protocol

import numpy as np

from compare.submissions.connection import AgentGone

AGENT = 1
"""The number of the agent itself."""

KINDS = "biufc"
"""Kinds of NumPy dtypes that are accepted."""

CURRENT: ContextVar["Session"] = ContextVar("session")

PARAMETER_KINDS = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
    inspect.Parameter.KEYWORD_ONLY,
    inspect.Parameter.VAR_KEYWORD,
)


class RemoteError(Exception):
    """The user's code raised something.

    Arguments:
        error: as the agent describes it: types, message, frames.
    """

    def __init__(self, error: dict[str, Any]) -> None:
        self.types = [str(name) for name in error.get("types", [])]
        self.message = str(error.get("message", ""))
        super().__init__(f"{self.types[0] if self.types else 'Exception'}: {self.message}")
        self.frames = [(str(f), int(n or 0), str(w), str(t)) for f, n, w, t in error["frames"]]
        self.syntax = error.get("syntax")
        self.status = error.get("status")
        self.missing = error.get("missing")

    def is_a(self, name: str) -> bool:
        """Whether it is of an exception's class."""
        return name in self.types


class Unforeseen(Exception):
    """Another message than the one that was answered ahead of time."""


@dataclass(frozen=True)
class Foreseen:
    """A message with its arrays, and its answer with its own."""

    message: dict[str, Any]
    blobs: list[bytes]
    reply: dict[str, Any]
    arrays: list[bytes]


class Exchange(Protocol):
    """Whatever answers messages: a process, or this one."""

    def exchange(
        self, message: dict[str, Any], blobs: list[bytes]
    ) -> tuple[dict[str, Any], list[bytes]]: ...


class Session:
    """All that passes between the judge and one process of the user's."""

    def __init__(self, connection: Exchange, version: tuple[int, int] = (3, 11)) -> None:
        self.connection, self.version = connection, version
        self.last = AGENT
        self.known: dict[int, tuple[Any, int]] = {}
        self.arrays: dict[int, np.ndarray] = {}
        self.descriptions: dict[int, dict[str, Any]] = {}
        self.agent = Agent(self)
        self.outdated: int | None = None
        self.modules: dict[str, Any] = {}
        self.silent = 0
        self.globals: dict[str, Any] = {}
        self.foreseen: list[Foreseen] = []
        """What was answered ahead of time, the last message first."""
        self.script: list[Foreseen] | None = None
        """Where messages are recorded."""

    def ask(self, do: str, number: int, **more: Any) -> Any:
        """One request; its answer's value.

        Raises:
            RemoteError: the code raised.
            AgentGone: there is no answer.
        """
        blobs: list[bytes] = []
        message: dict[str, Any] = {"do": do, "of": number}
        if do == "call":
            message["args"] = [self.encode(value, blobs) for value in more["args"]]
            if "method" in more:
                message["method"] = more["method"]
            message["keywords"] = [[n, self.encode(v, blobs)] for n, v in more["keywords"].items()]
        elif do == "set":
            message |= {"name": more["name"], "value": self.encode(more["value"], blobs)}
        else:
            message |= more
        message |= {"last": self.last, "release": self.outdated}
        self.outdated = None
        reply, arrays = self.exchange(message, blobs)
        try:
            self.last = max(self.last, int(reply["last"]))
            for changed, array in reply["changed"]:
                if changed in self.arrays:
                    self.arrays[changed][...] = self.array(array, arrays)
            if "error" in reply:
                error = RemoteError(reply["error"])
            else:
                return self.decode(reply["value"], arrays)
        except (KeyError, ValueError, TypeError, IndexError, AttributeError) as problem:
            raise AgentGone from problem
        raise error

    def exchange(
        self, message: dict[str, Any], blobs: list[bytes]
    ) -> tuple[dict[str, Any], list[bytes]]:
        """The answer to a message, from those that came ahead of time where there are any.

        Raises:
            AgentGone: there is none.
            Unforeseen: it is not the message that was answered ahead of time.
        """
        if self.foreseen:
            coming = self.foreseen.pop()
            if coming.message == message and coming.blobs == blobs:
                return coming.reply, coming.arrays
            self.foreseen.clear()
            raise Unforeseen
        reply, arrays = self.connection.exchange(dict(message), blobs)
        if self.script is not None:
            self.script.append(Foreseen(message, blobs, reply, arrays))
        return reply, arrays

    @contextlib.contextmanager
    def recorded(self) -> Iterator[list[Foreseen]]:
        """Keeps the messages that are exchanged within it."""
        script: list[Foreseen] = []
        self.script = script
        try:
            yield script
        finally:
            self.script = None

    def replay(
        self,
        script: list[Any],
        variations: list[list[list[int]]],
        seconds: float,
        blobs: list[bytes],
    ) -> list[tuple[dict[str, Any], list[bytes]]]:
        """The answers to the same messages, several times with other arrays.

        Arguments:
            script: every message, and the number of its arrays.
            variations: of each the places of arrays, and of those in their stead, in `blobs`.
            seconds: after which no further variation is begun.
            blobs: the arrays of the script, and after them the others.

        Raises:
            AgentGone: there is no answer.
        """
        asked = {"do": "replay", "script": script, "variations": variations, "seconds": seconds}
        reply, arrays = self.connection.exchange(asked, blobs)
        try:
            counts = [int(one["count"]) for one in reply["replies"]]
            ends = list(accumulate(counts))
            found = [
                (one, arrays[end - count : end])
                for one, end, count in zip(reply["replies"], ends, counts, strict=True)
            ]
        except (KeyError, ValueError, TypeError) as problem:
            raise AgentGone from problem
        return found[: len(script) * len(variations)]

    def encode(self, value: Any, blobs: list[bytes]) -> Any:
        """A value for a message."""
        if isinstance(value, Remote):
            return ["r", value._number]
        if id(value) in self.known:
            return ["r", self.known[id(value)][1]]
        if value is None or type(value) in (bool, int, str):
            return [value]
        if isinstance(value, bool | np.bool_):
            return [bool(value)]
        if isinstance(value, float | np.floating):
            return ["f", repr(float(value))]
        if isinstance(value, int | np.integer):
            return [int(value)]
        if isinstance(value, type) and issubclass(value, np.generic):
            if value.__name__ not in self.modules:
                numpy_type = getattr(self.module("numpy"), value.__name__)
                self.modules[value.__name__] = lasting(numpy_type)
            return self.encode(self.modules[value.__name__], blobs)
        if is_dataclass(value):
            return ["p", [[n, self.encode(v, blobs)] for n, v in shown(value).items()]]
        self.last += 1
        number = self.last
        self.known[id(value)] = (value, number)
        if isinstance(value, np.ndarray):
            self.arrays[number] = value
            data = np.ascontiguousarray(value)
            blobs.append(data.tobytes())
            return ["a", number, [data.dtype.str, list(value.shape), len(blobs) - 1]]
        if isinstance(value, dict):
            pairs = [[self.encode(k, blobs), self.encode(v, blobs)] for k, v in value.items()]
            return ["d", number, pairs]
        if isinstance(value, list | tuple):
            mark = "l" if isinstance(value, list) else "t"
            return [mark, number, [self.encode(entry, blobs) for entry in value]]
        raise TypeError(f"a {type(value).__name__} cannot be sent")

    def decode(self, value: Any, blobs: list[bytes]) -> Any:
        """A value from an answer; what it holds is remembered with its number."""
        if len(value) == 1:
            if value[0] is not None and type(value[0]) not in (bool, int, str):
                raise ValueError
            # half a surrogate pair can be in a string, and nowhere else
            text = isinstance(value[0], str)
            return value[0].encode(errors="replace").decode() if text else value[0]
        mark, *rest = value
        if mark == "f":
            return float(rest[0])
        if mark == "s":
            return self.array(rest[0], blobs)[()]
        number, content = rest
        if type(number) is not int:
            raise ValueError
        made: Any
        if mark == "a":
            made = self.array(content, blobs)
        elif mark == "r":
            return Remote(self, number, content)
        elif mark == "d":
            made = {}
            for k, v in content:
                key = self.decode(k, blobs)
                with contextlib.suppress(TypeError):  # a key that cannot be one here
                    made[key] = self.decode(v, blobs)
        else:
            entries = [self.decode(entry, blobs) for entry in content]
            made = tuple(entries) if mark == "t" else entries
            if mark == "o":
                made = np.empty(len(entries), dtype=object)
                made[:] = entries
        self.known[id(made)] = (made, number)
        return made

    def array(self, value: Any, blobs: list[bytes]) -> np.ndarray:
        """An array of an answer."""
        dtype, shape, number = value
        kind = np.dtype(str(dtype))
        if kind.kind not in KINDS:
            raise ValueError
        return np.frombuffer(blobs[number], dtype=kind).reshape(shape).copy()

    def module(self, name: str) -> Any:
        """A module of the user's Python."""
        if name not in self.modules:
            found = self.agent.imported(name)
            self.modules[name] = lasting(found)
        return self.modules[name]

    @contextlib.contextmanager
    def temporary(self) -> Iterator[None]:
        """Forgets, here and there, what passed within it."""
        mark = self.last
        try:
            yield
        finally:
            self.known = {key: entry for key, entry in self.known.items() if entry[1] <= mark}
            for held in (self.arrays, self.descriptions):
                for number in [n for n in held if n > mark]:
                    del held[number]
            self.last = mark
            # forgotten there with the next message
            self.outdated = mark if self.outdated is None else min(mark, self.outdated)

    @contextlib.contextmanager
    def quiet(self) -> Iterator[None]:
        """Drops what the code prints and warns of.

        A way of calling it that is merely tried, and the thousand calls of a numerical derivative,
        must not look like the code's own noise.
        """
        self.silent += 1
        if self.silent == 1:
            self.agent.quiet(True)
        try:
            yield
        finally:
            self.silent -= 1
            if self.silent == 0:
                with contextlib.suppress(AgentGone):
                    self.agent.quiet(False)


class Agent:
    """The agent's functions: `agent.describe(thing)` is one request."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def __getattr__(self, name: str) -> Any:
        def function(*args: Any) -> Any:
            return self.session.ask("call", AGENT, method=name, args=args, keywords={})

        return function


def session() -> Session:
    """The session in use."""
    return CURRENT.get()


def shown(value: Any) -> dict[str, Any]:
    """The fields and properties of a dataclass of ours, for an adapter; no methods."""
    found = {field.name: getattr(value, field.name) for field in fields(value)}
    for name, held in inspect.getmembers(type(value)):
        if isinstance(held, property | functools.cached_property):
            found[name] = getattr(value, name)
    if hasattr(value, "__len__"):
        found["__len__"] = len(value)
    return found


def lasting(thing: "Remote") -> "Remote":
    """The same object, not forgotten at the end of what is temporary."""
    return Remote(thing._session, thing._session.agent.keep(thing), thing._about)


class Remote:
    """An object in the user's process. Its own attributes here begin with an underscore."""

    __slots__ = ("_about", "_number", "_session")

    def __init__(self, session: Session, number: int, about: dict[str, Any]) -> None:
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
