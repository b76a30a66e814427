"""The process that runs the user's code: started, asked, given a time limit, ended."""

import contextlib
import json
import os
import select
import signal
import struct
import subprocess
import time
from pathlib import Path
from typing import Any

from compare.processes import Printed, environment, require_posix
from compare.submissions.interpreter import Interpreter

AGENT = Path(__file__).resolve().parents[1] / "agent/caller.py"

MAX_TEXT, MAX_ARRAYS = 64 * 2**20, 512 * 2**20
"""Bytes of one answer: its JSON, and all its arrays."""


class AgentGone(Exception):
    """The user's process has ended, did not answer in time, or answered with garbage."""


class Connection:
    """The agent in a process of its own, under the user's Python.

    Arguments:
        interpreter: that Python.
        folder: its working directory.
        stacks: a file that gets the code's stacks if it runs out of time.
        time_limit: seconds for everything, the start included.
    """

    def __init__(
        self, interpreter: Interpreter, folder: Path, stacks: Path, time_limit: float
    ) -> None:
        require_posix()
        self.until = time.monotonic() + time_limit
        ask_read, self.ask = os.pipe()
        self.answer, answer_write = os.pipe()
        # the stacks are written shortly before the process is ended
        deadline = time.time() + time_limit - min(0.5, 0.2 * time_limit)
        pipes = (ask_read, answer_write)
        try:
            self.process = subprocess.Popen(
                [
                    str(interpreter.path),
                    "-u",
                    str(AGENT),
                    *map(str, pipes),
                    str(stacks),
                    str(deadline),
                ],
                cwd=folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=pipes,
            )
        finally:
            for pipe in pipes:
                os.close(pipe)
        assert self.process.stdout is not None
        self.printed = Printed(self.process.stdout)
        self.printed.start()
        self.timed_out = False

    def exchange(
        self, message: dict[str, Any], blobs: list[bytes]
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Sends a message and waits for the answer.

        Raises:
            AgentGone: there is none.
        """
        message["blobs"] = [len(blob) for blob in blobs]
        text = json.dumps(message).encode()
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

    def read(self, size: int) -> bytes:
        """So many bytes of the answer."""
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
        """Until a pipe is ready.

        Raises:
            AgentGone: time ran out.
        """
        left = self.until - time.monotonic()
        pipes = [pipe]
        ready = select.select([] if write else pipes, pipes if write else [], [], max(0, left))
        if not (ready[0] or ready[1]):
            self.timed_out = True
            raise AgentGone

    def close(self) -> int | None:
        """Ends the process and whatever it started, unless it does so itself at once.

        Returns:
            Its exit status; None if time ran out.
        """
        for pipe in (self.ask, self.answer):
            os.close(pipe)
        status: int | None = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self.process.wait(0 if self.timed_out else 2)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.printed.join(timeout=1)
        assert self.process.stdout is not None
        if not self.printed.is_alive():
            self.process.stdout.close()
        return None if self.timed_out else status
