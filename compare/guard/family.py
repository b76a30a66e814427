"""Processes of this machine: their descendants, their memory, and how to end them."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator

PAGE = os.sysconf("SC_PAGE_SIZE")

ENDING = 2.0
"""Maximum number of seconds until all processes of a program have ended."""


class Member:
    """A process.

    Arguments:
        pid, parent: its number and its parent's.
        session: its session.
        name: its name.
        bytes: the memory that it uses, including shared memory.
    """

    def __init__(self, pid: int, parent: int, session: int, name: str, memory: int) -> None:
        self.pid, self.parent, self.session = pid, parent, session
        self.name, self.bytes = name, memory


def running() -> Iterator[Member]:
    """All running processes; none if the system has no /proc."""
    for pid in os.listdir("/proc") if sys.platform == "linux" else ():
        if not pid.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                name, _, rest = file.read().partition("(")[2].rpartition(")")
            fields = rest.split()
            if fields[0] not in "ZX":
                parent, session, pages = int(fields[1]), int(fields[3]), int(fields[21])
                yield Member(int(pid), parent, session, name, pages * PAGE)


def below(roots: Iterable[int]) -> list[Member]:
    """The running descendants of some processes."""
    everyone, known, found = list(running()), set(roots), []
    grown = True
    while grown:
        more = [m for m in everyone if m.parent in known and m.pid not in known]
        known |= {member.pid for member in more}
        found += more
        grown = bool(more)
    return found


def shared_fairly(members: Iterable[Member]) -> int:
    """Bytes of memory that processes use; shared memory is counted once."""
    total = 0
    for member in members:
        try:
            with open(f"/proc/{member.pid}/smaps_rollup") as file:
                shares = [line.split()[1] for line in file if line.startswith("Pss:")]
            total += int(shares[0]) * 1024
        except (OSError, ValueError, IndexError):
            total += member.bytes
    return total


def kill(pids: Iterable[int]) -> None:
    """Kill processes."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def end_descendants() -> None:
    """Kill all descendants of this process, and wait for them."""
    until = time.monotonic() + ENDING
    while (found := below([os.getpid()])) and time.monotonic() < until:
        kill(member.pid for member in found)
        reap()
        time.sleep(0.005)
    reap()


def reap() -> dict[int, int]:
    """Exit statuses of child processes that have ended; -N for signal N."""
    ended = {}
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            ended[pid] = os.waitstatus_to_exitcode(status)
    return ended
