"""The user's functions in this process, called through the same messages as those of another one.

The layouts ask a `Session`, which sends messages to an agent. Here the agent's own code answers
them directly: what a layout does with a function of a file, it does with a live function.
"""

import contextlib
import inspect
import io
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from compare.agent import caller
from compare.processes import KEPT
from compare.submissions.session import CURRENT, Session


class Output(io.TextIOBase):
    """The code's printed output: its length and its beginning."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.lines, self.quiet = "", 0, False

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not self.quiet:
            self.text += text[: KEPT - len(self.text)]
            self.lines += text.count("\n")
        return len(text)


class Namespace:
    """The global variables of a module or notebook, as attributes."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.__dict__ = names


class LocalAgent:
    """The agent's functions, and the objects that are checked.

    Arguments:
        things: those objects, by name.
        output: where the code prints to.
    """

    def __init__(self, things: Mapping[str, Any], output: Output) -> None:
        self.things, self.output = things, output

    def __getattr__(self, name: str) -> Any:
        return getattr(caller, name)

    def thing(self, name: str) -> Any:
        """One of the objects, never a copy."""
        return caller.Kept(self.things[name])

    def quiet(self, on: bool) -> None:
        """Whether to suppress the code's output and warnings."""
        self.output.quiet = on

    def has_module(self, name: str) -> bool:
        """Whether the user's own names come from a module; this process has many more."""
        for value in self.things.values():
            held = list(vars(value).values()) if isinstance(value, Namespace) else [value]
            if any(name in packages_of(thing) for thing in held):
                return True
        return False


def packages_of(thing: Any) -> set[str]:
    """The package of a module, or those of an object's classes."""
    if inspect.ismodule(thing):
        return {thing.__name__.partition(".")[0]}
    cls = thing if inspect.isclass(thing) else type(thing)
    return {str(base.__module__).partition(".")[0] for base in cls.__mro__}


class LocalConnection:
    """Answers messages in this process. There is no time limit; an interrupt ends the call."""

    def __init__(self, agent: LocalAgent) -> None:
        self.output, self.table = agent.output, caller.Table()
        self.table.add(agent)

    def exchange(
        self, message: dict[str, Any], blobs: list[bytes]
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Execute a message.

        Raises:
            KeyboardInterrupt: the user interrupted the code.
        """
        with (
            contextlib.redirect_stdout(self.output),
            contextlib.redirect_stderr(self.output),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore" if self.output.quiet else "default")
            reply, arrays = caller.answered(message, blobs, self.table)
        if "KeyboardInterrupt" in reply.get("error", {}).get("types", ()):
            raise KeyboardInterrupt
        return reply, arrays


@contextlib.contextmanager
def local_session(things: Mapping[str, Any], output: Output) -> Iterator[Session]:
    """A session with objects of this process; `session.agent.thing(name)` is one of them."""
    session = Session(LocalConnection(LocalAgent(things, output)))
    token = CURRENT.set(session)
    kept, random = len(caller.KEPT), np.random.get_state()
    try:
        yield session
    finally:
        CURRENT.reset(token)
        np.random.set_state(random)
        del caller.KEPT[kept:]


@contextlib.contextmanager
def restored(names: dict[str, Any]) -> Iterator[None]:
    """Restore global variables afterwards: the check sets lambda, and the code may set others."""
    held = dict(names)
    try:
        yield
    finally:
        for name in [name for name in names if name not in held]:
            del names[name]
        names.update(held)
