"""Limits and isolation of a program that is not trusted."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEGABYTE = 1_000_000

KEPT_VARIABLES = ("LD_LIBRARY_PATH", "TZ")

VARIABLES = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "USER": "student",
    "LOGNAME": "student",
    "MPLBACKEND": "Agg",
    "PYTHONIOENCODING": "utf-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONNOUSERSITE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
}
"""A submission's environment: nothing of the user's own, which may hold secrets."""


def bare_environment() -> dict[str, str]:
    """These, and what the system's own libraries need."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    return {**VARIABLES, **kept}


@dataclass(frozen=True)
class Limits:
    """Resource limits of one submission.

    Arguments:
        seconds: maximum time from the start of its process to its end.
        memory: maximum memory of all its processes together, in bytes.
        disk: maximum number of bytes that it may write.
        processes: maximum number of processes at a time.
        printed: maximum number of bytes that it may print.
    """

    seconds: float = 60.0
    memory: int = 2000 * MEGABYTE
    disk: int = 200 * MEGABYTE
    processes: int = 32
    printed: int = 20 * MEGABYTE


@dataclass(frozen=True)
class Isolation:
    """How far a submission is isolated.

    Arguments:
        namespaces: it sees no other process, has no network and no shared memory with others.
        shown: files and folders that it can read, in addition to the system's libraries and its own
            folder; None if it can read everything that the user can read.
        hidden: folders below those that it cannot see.
        user: number of the user that runs it; None for our own.
        lacking: why stronger isolation is not possible; "" if this is the strongest.
    """

    namespaces: bool = False
    shown: tuple[str, ...] | None = None
    hidden: tuple[str, ...] = ()
    user: int | None = None
    lacking: str = ""


@dataclass(frozen=True)
class Confinement:
    """Limits and isolation of one submission.

    Arguments:
        folder: a temporary folder with all files of the submission, which it may write to.
        root: another, empty folder, in which its file system is created.
    """

    limits: Limits
    isolation: Isolation
    folder: Path
    root: Path

    def environment(self) -> dict[str, str]:
        """The submission's environment variables."""
        home = str(self.folder)
        return {**bare_environment(), "HOME": home, "TMPDIR": home, "MPLCONFIGDIR": home}

    def order(self) -> dict[str, Any]:
        """For `compare.guard`."""
        limits, isolation = self.limits, self.isolation
        files = None
        if isolation.shown is not None:
            files = {
                "root": str(self.root),
                "work": str(self.folder),
                "shown": isolation.shown,
                "hidden": isolation.hidden,
            }
        return {
            "limits": {
                "memory": limits.memory,
                "disk": limits.disk,
                "seconds": round(limits.seconds) + 2,
                "processes": limits.processes,
                "own_user": isolation.user is not None,
                "written": [] if files else [str(self.folder)],
            },
            "namespaces": isolation.namespaces,
            "files": files,
            "user": isolation.user,
        }
