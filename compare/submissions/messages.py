"""Messages between the judge and the user's process, and what may go wrong with them."""

from dataclasses import dataclass
from typing import Any, Protocol


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
