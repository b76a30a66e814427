"""Running somebody's program: bounded in time and output, and ended with everything it started."""

import contextlib
import ctypes
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from twingrad.errors import UserError

KEPT = 2000
"""Characters of printed text that are kept."""

ONE_THREAD = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")

MARK = "TWINGRAD_PROCESS"
"""Environment variable that a program's descendants inherit; each run has its own value."""

LINUX = sys.platform == "linux"

SET_CHILD_SUBREAPER = 36
"""prctl's option: orphans among our descendants become our children."""

ENDING = 2.0
"""Maximum seconds until all descendants are gone."""


class Printed(threading.Thread):
    """Reads all that a process prints, and keeps its beginning."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self.stream, self.head, self.lines, self.bytes = stream, b"", 0, 0

    def run(self) -> None:
        with contextlib.suppress(ValueError, OSError):  # closed while reading
            while chunk := self.stream.read1(65536):  # type: ignore[attr-defined]
                self.head += chunk[: max(0, 4 * KEPT - len(self.head))]
                self.lines += chunk.count(b"\n")
                self.bytes += len(chunk)

    @property
    def text(self) -> str:
        """The beginning, as text."""
        return self.head.decode(errors="replace")[:KEPT]


def environment() -> dict[str, str]:
    """Our environment with one BLAS thread and no windows."""
    values = dict(os.environ)
    values |= {f"{library}_NUM_THREADS": "1" for library in ONE_THREAD}
    return values | {"MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"}


def run_bounded(
    command: Sequence[str], *, folder: Path, environment: dict[str, str], seconds: float
) -> tuple[int | None, Printed]:
    """Runs a program to its end, or ends it; whatever it started is ended with it.

    Arguments:
        command: the executable and its arguments.
        folder: the working directory.
        environment: the program's environment variables.
        seconds: the time limit.

    Returns:
        Its exit status, None if time ran out; and what it printed.

    Raises:
        OSError: the executable cannot be started.
        UserError: the system has no process groups.
    """
    require_posix()
    adopt_orphans()
    mark, before = secrets.token_hex(16), children()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment | {MARK: mark},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    printed = Printed(process.stdout)
    printed.start()
    status: int | None = None
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = process.wait(seconds)
    finally:
        end_all(process, mark, before)
    printed.join(timeout=5)
    if not printed.is_alive():
        process.stdout.close()
    return status, printed


def require_posix() -> None:
    """Raises UserError where the system cannot end a program with all that it started."""
    if not hasattr(os, "killpg"):
        raise UserError(
            "running your code needs process groups, which this system lacks: use Linux, macOS or "
            "WSL; golden files (twingrad golden new) and twingrad.check(...) work everywhere"
        )


def adopt_orphans() -> None:
    """Makes us the parent of descendants whose own parent ends, where the system can do that."""
    if LINUX:
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_all(process: subprocess.Popen[bytes], mark: str, before: set[int]) -> None:
    """Ends a program and its descendants, those in sessions of their own included."""
    until = time.monotonic() + ENDING
    known = {process.pid}
    while LINUX and time.monotonic() < until:
        found = descendants(known, mark, before)
        known |= found
        for pid in found - {process.pid}:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        end_group(process)
        for pid in known - {process.pid}:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        if not found - {process.pid}:
            break
        time.sleep(0.02)
    end_group(process)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends the program and its process group."""
    if process.returncode is None or LINUX:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@dataclass(frozen=True)
class Process:
    """A process as the system lists it."""

    pid: int
    parent: int
    session: int


def descendants(known: set[int], mark: str, before: set[int]) -> set[int]:
    """Processes that belong to a program.

    They carry its mark, descend from a process of its, or were adopted by us: children of ours in
    another session that did not exist before and carry no other program's mark.
    """
    found = set(known)
    ours, session = os.getpid(), os.getsid(0)
    running = list(processes())
    for process in running:
        marks = marks_of(process.pid)
        adopted = process.parent == ours and process.session != session
        if mark in marks or (adopted and process.pid not in before and not marks):
            found.add(process.pid)
    grown = True
    while grown:
        more = {p.pid for p in running if p.parent in found} - found
        found |= more
        grown = bool(more)
    return found & {process.pid for process in running}


def children() -> set[int]:
    """Our children."""
    return {process.pid for process in processes() if process.parent == os.getpid()}


def processes() -> Iterator[Process]:
    """All processes but those that ended; none where the system has no /proc."""
    for path in Path("/proc").glob("[0-9]*/stat") if LINUX else ():
        with contextlib.suppress(OSError, ValueError, IndexError):
            state, parent, _, session = path.read_text().rpartition(")")[2].split()[:4]
            if state not in "ZX":
                yield Process(int(path.parent.name), int(parent), int(session))


def marks_of(pid: int) -> set[str]:
    """The marks in a process's environment."""
    try:
        values = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return set()
    start = f"{MARK}=".encode()
    return {value[len(start) :].decode() for value in values if value.startswith(start)}
