"""Run another program with limits on time and output, and end everything that it starts."""

import contextlib
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from compare.confinement import Confinement
from compare.guard import family
from twingrad.errors import UserError

KEPT = 2000
"""Characters of printed text that are kept."""

ONE_THREAD = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")

MARK = "TWINGRAD_PROCESS"
"""Environment variable that a program's descendants inherit; each run has its own value."""

GUARD = Path(__file__).with_name("guard") / "__main__.py"

SLACK = 4.0
"""Seconds that the guard has beyond those for ending the program's processes."""

MAX_REPORT = 65536
"""Bytes of what the guard says."""


class Printed(threading.Thread):
    """Read everything that a process prints, and keep the beginning and the end."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self.stream, self.head, self.tail, self.lines, self.bytes = stream, b"", b"", 0, 0

    def run(self) -> None:
        with contextlib.suppress(ValueError, OSError):  # closed while reading
            while chunk := self.stream.read1(65536):  # type: ignore[attr-defined]
                self.head += chunk[: max(0, 4 * KEPT - len(self.head))]
                self.tail = (self.tail + chunk)[-4 * KEPT :]
                self.lines += chunk.count(b"\n")
                self.bytes += len(chunk)

    @property
    def text(self) -> str:
        """The beginning, as text."""
        return self.head.decode(errors="replace")[:KEPT]

    @property
    def last_line(self) -> str:
        """The last line that is not empty; "" if there is none."""
        lines = self.tail.decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


@dataclass(frozen=True)
class Ending:
    """How a program ended.

    Arguments:
        status: its exit status, -N for signal N; None if it did not end by itself.
        reason: the limit that it exceeded, in words ("it used ..."); "" if none.
        left: names of processes that it left behind; they were ended.
        libraries: packages of compiled libraries that the guard saw it load.
    """

    status: int | None = None
    reason: str = ""
    left: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()


class Program:
    """Another program, with the guard process between it and us.

    A signal to its parent therefore does not reach us, and everything it starts ends with it.

    Arguments:
        memory: bytes that each of its processes may allocate, where nothing confines it; None for
            any number.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environment: dict[str, str],
        pipes: Sequence[int] = (),
        confinement: Confinement | None = None,
        memory: int | None = None,
    ) -> None:
        self.mark = secrets.token_hex(16)
        self.report, report_write = os.pipe()
        alive_read, self.alive = os.pipe()
        order = {
            "command": list(command),
            "folder": str(folder),
            "report": report_write,
            "alive": alive_read,
            "limits": None,
            "memory": memory,
            "namespaces": False,
            "files": None,
            "user": None,
        }
        if confinement is not None:
            order |= confinement.order()
        try:
            self.guard = subprocess.Popen(
                [sys.executable, "-I", "-S", str(GUARD), json.dumps(order)],
                env=environment | {MARK: self.mark},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(report_write, alive_read, *pipes),
            )
        except BaseException:
            os.close(self.report)
            os.close(self.alive)
            raise
        finally:
            os.close(report_write)
            os.close(alive_read)
        assert self.guard.stdout is not None
        self.printed = Printed(self.guard.stdout)
        self.printed.start()

    def wait(self, seconds: float) -> bool:
        """Wait for the program; return whether it ended in time."""
        return bool(select.select([self.report], [], [], max(0, seconds))[0])

    def end(self) -> Ending:
        """End the program, if it is still running, and everything it started.

        Raises:
            OSError: it could not be started.
        """
        os.close(self.alive)
        killed = False
        try:
            self.guard.wait(family.ENDING + SLACK)
        except subprocess.TimeoutExpired:  # it was stopped, or the machine is very busy
            killed = True
            self.guard.kill()
            self.guard.wait()
        if self.guard.returncode != 0:
            self.end_strays()
        self.printed.join(timeout=1)
        if not self.printed.is_alive():
            self.printed.stream.close()
        said = self.read_report()
        if "failed" in said:
            raise OSError(0, str(said["failed"]))
        if not said and killed:
            return Ending()
        if not said:  # the guard itself was ended
            code = self.guard.returncode
            name = signal.Signals(-code).name if code < 0 else f"exit status {code}"
            return Ending(code, f"it ended its parent ({name})")
        return Ending(
            said["status"],
            "" if said["reason"] == "told" else said["reason"],
            tuple(said["left"]),
            tuple(said["libraries"]),
        )

    def read_report(self) -> dict:
        """The guard's last report; {} if there is none."""
        text = b""
        while len(text) < MAX_REPORT and select.select([self.report], [], [], 0)[0]:
            part = os.read(self.report, MAX_REPORT)
            if not part:
                break
            text += part
        os.close(self.report)
        lines = text.splitlines()
        try:
            return dict(json.loads(lines[0])) if lines else {}
        except (ValueError, TypeError):
            return {}

    def end_strays(self) -> None:
        """End processes that outlived the guard; our mark in their environment identifies them."""
        until = time.monotonic() + family.ENDING
        while time.monotonic() < until:
            marked = [m.pid for m in family.running() if self.mark in marks_of(m.pid)]
            marked += [member.pid for member in family.below(marked)]
            if not marked:
                return
            family.kill(marked)
            time.sleep(0.02)


def environment() -> dict[str, str]:
    """Our environment with one BLAS thread and no windows."""
    values = dict(os.environ)
    values |= {f"{library}_NUM_THREADS": "1" for library in ONE_THREAD}
    return values | {"MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"}


def run_bounded(
    command: Sequence[str], *, folder: Path, environment: dict[str, str], seconds: float
) -> tuple[int | None, Printed]:
    """Run a program until it ends or the time is up, and end everything that it started.

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
    program = Program(command, folder=folder, environment=environment)
    try:
        program.wait(seconds)
    finally:
        ending = program.end()
    return ending.status, program.printed


def require_posix() -> None:
    """Raise UserError if the system cannot end a program with everything that it started."""
    if not hasattr(os, "killpg"):
        raise UserError(
            "running your code needs process groups, which this system lacks: use Linux, macOS or "
            "WSL; golden files (twingrad golden new) and twingrad.check(...) work everywhere"
        )


def marks_of(pid: int) -> set[str]:
    """The marks in a process's environment."""
    try:
        values = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return set()
    start = f"{MARK}=".encode()
    return {value[len(start) :].decode() for value in values if value.startswith(start)}
