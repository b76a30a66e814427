"""Start a program, enforce its limits, and end everything that it started."""

import contextlib
import json
import os
import resource
import select
import signal
import stat
import time
from typing import Any

from compare.guard import family, kernel, private_root

TICK = 0.05
"""Seconds between two checks of the limits."""

PATIENCE = 2.0
"""Seconds that helper processes, such as multiprocessing's, have to end after the program."""

LIBRARIES_EVERY = 10
"""Checks of the limits per check of the libraries loaded."""

MEGABYTE = 1_000_000

HANDLED = (
    signal.SIGCHLD,
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGPIPE,
)
"""Signals that must not end the guard; the first process of a namespace receives no others."""


class Keeper:
    """The supervision of one program.

    Arguments:
        order: what the judge asks, as `compare.processes` writes it.
    """

    def __init__(self, order: dict[str, Any]) -> None:
        self.order, self.limits = order, order.get("limits")
        self.status: int | None = None
        self.signalled = 0
        self.looks = 0
        self.libraries: set[str] = set()

    def run(self) -> None:
        """Run the program, report how it ended, and end the processes it left."""
        kernel.prctl(kernel.CHILD_SUBREAPER, 1)
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        for number in HANDLED:
            signal.signal(number, self.note)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        self.child = os.fork()
        if self.child == 0:
            self.become_program()
        reason = self.watch(woken)
        left = [] if reason else self.left_behind()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.child, signal.SIGKILL)
        family.end_descendants()
        self.report(
            reason=reason, status=self.status, left=left, libraries=sorted(self.libraries)[:200]
        )

    def note(self, number: int, _: Any) -> None:
        """Remember a signal that was sent to the guard."""
        if number != signal.SIGCHLD:
            self.signalled = number

    def report(self, **what: Any) -> None:
        """Send a line to the judge."""
        with contextlib.suppress(OSError):
            os.write(self.order["report"], json.dumps(what).encode() + b"\n")

    def become_program(self) -> None:
        """Set limits, drop privileges and start the program; runs in the child."""
        order, failed = self.order, 127
        try:
            signal.set_wakeup_fd(-1)
            for number in HANDLED:
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            if self.limits is not None:
                set_limits(self.limits)
                kernel.drop_privileges(order["user"])
            elif order["memory"] is not None:
                kernel.limit(resource.RLIMIT_DATA, order["memory"])
            kernel.prctl(kernel.PARENT_DEATH_SIGNAL, signal.SIGKILL)
            os.chdir(order["folder"])
            os.execvp(order["command"][0], order["command"])
        except OSError as error:
            self.report(failed=error.strerror or str(error))
        finally:
            os._exit(failed)

    def watch(self, woken: int) -> str:
        """Wait for the program.

        Returns:
            "" if it ended by itself, "told" if the judge wants it ended, else the limit that it
            exceeded, in words.
        """
        while True:
            ready, _, _ = select.select([self.order["alive"], woken], [], [], TICK)
            if woken in ready:
                os.read(woken, 4096)
            ended = family.reap()
            if self.child in ended:
                self.status = ended[self.child]
                return ""
            if self.order["alive"] in ready:
                return "told"
            if self.signalled:
                self.status = -self.signalled
                return f"it sent {signal.Signals(self.signalled).name} to its parent"
            if self.limits is not None and (exceeded := self.exceeded(self.limits)):
                return exceeded

    def exceeded(self, limits: dict[str, Any]) -> str:
        """The limit that the program's processes exceed, in words; "" if none."""
        members = family.below([os.getpid()])
        if len(members) > limits["processes"]:
            return f"it started more than {limits['processes']} processes"
        outside = [m for m in members if m.session not in (self.child, os.getsid(0))]
        if outside:
            return f"it started a process in a session of its own ({outside[0].name})"
        if sum(member.bytes for member in members) > limits["memory"]:
            used = family.shared_fairly(members)
            if used > limits["memory"]:
                return f"it used more than {limits['memory'] // MEGABYTE} MB of memory"
        if self.looks % LIBRARIES_EVERY == 0:
            self.libraries |= libraries_of(self.child)
            if written_in(limits["written"]) > limits["disk"]:
                return f"it wrote more than {limits['disk'] // MEGABYTE} MB"
        self.looks += 1
        return ""

    def left_behind(self) -> list[str]:
        """Names of processes that are still running after the program has ended."""
        until = time.monotonic() + PATIENCE
        while left := family.below([os.getpid()]):
            if time.monotonic() > until or self.limits is None:
                break
            time.sleep(TICK / 5)
            family.reap()
        return [member.name for member in left][:5]


def set_limits(limits: dict[str, Any]) -> None:
    """Set the limits that the kernel enforces for each process."""
    kernel.limit(resource.RLIMIT_DATA, limits["memory"])
    kernel.limit(resource.RLIMIT_FSIZE, limits["disk"])
    kernel.limit(resource.RLIMIT_CPU, limits["seconds"])
    kernel.limit(resource.RLIMIT_CORE, 0)
    if limits["own_user"]:  # else the kernel counts all processes of the user
        kernel.limit(resource.RLIMIT_NPROC, 4 * limits["processes"])  # threads count too


def libraries_of(pid: int) -> set[str]:
    """Compiled libraries that a process has loaded."""
    found = set()
    with contextlib.suppress(OSError), open(f"/proc/{pid}/maps", errors="replace") as file:
        for line in file:
            path = line[73:].rstrip("\n")
            if ".so" in path and "-packages/" in path:
                found.add(path.rpartition("-packages/")[2].partition("/")[0])
    return found


def written_in(folders: list[str]) -> int:
    """Size of the files in folders, in bytes; 0 if the file system itself is limited."""
    total, waiting = 0, list(folders)
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    about = entry.stat(follow_symlinks=False)
                    total += about.st_blocks * 512
                    if stat.S_ISDIR(about.st_mode):
                        waiting.append(entry.path)
    return total


def isolated(order: dict[str, Any]) -> None:
    """Prepare the new namespaces from inside and start the program; runs in their first process."""
    kernel.prctl(kernel.PARENT_DEATH_SIGNAL, signal.SIGKILL)
    files = order["files"]
    if files is not None:
        owner = os.getuid() if order["user"] is None else order["user"]
        private_root.enter(
            files["root"],
            files["work"],
            files["shown"],
            files["hidden"],
            order["limits"]["disk"],
            owner,
        )
    else:
        kernel.mount("", "/", "", kernel.RECURSIVE | kernel.PRIVATE)
        kernel.mount("proc", "/proc", "proc", kernel.NO_SETUID | kernel.NO_DEVICES)
    Keeper(order).run()
