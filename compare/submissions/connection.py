"""The process that runs the user's code: start it, send requests, limit its time, end it."""

import json
import os
import select
import struct
import tempfile
import time
from pathlib import Path
from typing import Any

from compare.confinement import Confinement
from compare.processes import Ending, Program, environment, require_posix
from compare.submissions.interpreter import Interpreter

AGENT = Path(__file__).resolve().parents[1] / "agent/caller.py"

MAX_TEXT, MAX_ARRAYS = 64 * 2**20, 512 * 2**20
"""Maximum size of one answer in bytes: its JSON, and all its arrays."""


class AgentGone(Exception):
    """The user's process has ended, did not answer in time, or sent an invalid answer."""


GRACE = 2.0
"""Seconds that the code has to end after the last request."""

MEMORY = 4 * 10**9
"""Bytes that the code's process may allocate, where no other limits are given."""

MAX_STACKS = 2**16
"""Maximum number of bytes of stack traces that are read."""


class Connection:
    """The agent in a separate process, under the user's Python.

    Arguments:
        interpreter: that Python.
        folder: its working directory.
        time_limit: seconds that the code may use, the start of its process included.
        confinement: limits of code that nobody trusts; None for none but the time.
        agent: the agent's file.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        folder: Path,
        time_limit: float,
        confinement: Confinement | None = None,
        agent: Path = AGENT,
    ) -> None:
        require_posix()
        self.interpreter, self.time_limit = interpreter, time_limit
        self.ended: Ending | None = None
        self.waited = 0.0
        """Seconds that the code has used: those in which an answer was waited for."""
        self.until = 0.0
        self.max_printed = None if confinement is None else confinement.limits.printed
        ask_read, self.ask = os.pipe()
        self.answer, answer_write = os.pipe()
        self.stacks = tempfile.TemporaryFile()  # noqa: SIM115 (stacks_text closes it)
        # the stacks are written shortly before the process is ended
        deadline = time.time() + time_limit - min(0.5, 0.2 * time_limit)
        pipes = (ask_read, answer_write, self.stacks.fileno())
        arguments = ["-u", str(agent), *map(str, pipes), str(deadline)]
        try:
            self.program = Program(
                [str(interpreter.path), *arguments],
                folder=folder,
                environment=environment() if confinement is None else confinement.environment(),
                pipes=pipes,
                confinement=confinement,
                memory=MEMORY,
            )
        finally:
            for pipe in (ask_read, answer_write):
                os.close(pipe)
        self.printed = self.program.printed
        self.timed_out = self.printed_too_much = False

    def exchange(
        self, message: dict[str, Any], blobs: list[bytes]
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Send a message and return the answer.

        Raises:
            AgentGone: there is none.
        """
        message["blobs"] = [len(blob) for blob in blobs]
        text = json.dumps(message).encode()
        start = time.monotonic()
        self.until = start + self.time_limit - self.waited
        try:
            for part in (struct.pack(">Q", len(text)) + text, *blobs):
                view = memoryview(part)
                while view:
                    self.wait(self.ask, write=True)
                    view = view[os.write(self.ask, view[:65536]) :]
            (size,) = struct.unpack(">Q", self.read(8))
            if size > MAX_TEXT:
                raise AgentGone
            reply = json.loads(self.read(size))
            sizes = reply["blobs"]
            if not all(type(n) is int and n >= 0 for n in sizes) or sum(sizes) > MAX_ARRAYS:
                raise AgentGone
            return reply, [self.read(n) for n in sizes]
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise AgentGone from error
        finally:
            self.waited += time.monotonic() - start

    def read(self, size: int) -> bytes:
        """Read this many bytes of the answer."""
        parts = []
        while size:
            self.wait(self.answer)
            part = os.read(self.answer, min(size, 2**20))
            if not part:
                raise AgentGone
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def wait(self, pipe: int, *, write: bool = False) -> None:
        """Wait until a pipe is ready.

        Raises:
            AgentGone: time ran out, or the code prints without end.
        """
        pipes = [pipe]
        while True:
            left = self.until - time.monotonic()
            pause = min(max(0, left), 0.2) if self.max_printed is not None else max(0, left)
            ready = select.select([] if write else pipes, pipes if write else [], [], pause)
            if self.max_printed is not None and self.printed.bytes > self.max_printed:
                self.printed_too_much = True
                raise AgentGone
            if ready[0] or ready[1]:
                return
            if left <= pause:
                self.timed_out = True
                raise AgentGone

    def close(self) -> Ending:
        """End the process and whatever it started, unless it ends at once by itself.

        Raises:
            OSError: it could not be started.
        """
        for pipe in (self.ask, self.answer):
            os.close(pipe)
        if not (self.timed_out or self.printed_too_much):
            self.program.wait(GRACE)
        self.ended = self.program.end()
        return self.ended

    def stacks_text(self) -> str:
        """The stack traces at the time limit, as its process wrote them."""
        with self.stacks as file:
            file.seek(0)
            return file.read(MAX_STACKS).decode(errors="replace")
