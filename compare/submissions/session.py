"""All that passes between the judge and one process of the user's.

Numbers, text, lists, tuples, dicts and NumPy arrays come by value. Everything else is a `Remote`.
What came from the user's process, or was sent there before, is sent back as a reference, so that
the code finds the object that it made itself. Arrays that it changes in place change here too.
"""

import contextlib
import functools
import inspect
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from compare.submissions.connection import AgentGone
from compare.submissions.messages import Exchange, Foreseen, RemoteError, Unforeseen
from compare.submissions.remote import Remote, lasting

AGENT = 1
"""The number of the agent itself."""

KINDS = "biufc"
"""Kinds of NumPy dtypes that are accepted."""

CURRENT: ContextVar["Session"] = ContextVar("session")


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
