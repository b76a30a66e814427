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
    """What one submission may use.

    Arguments:
        seconds: from the start of its process to its end.
        memory: bytes, of all its processes together.
        disk: bytes that it may write.
        processes: how many it may have at a time.
        printed: bytes that it may print.
    """

    seconds: float = 60.0
    memory: int = 2000 * MEGABYTE
    disk: int = 200 * MEGABYTE
    processes: int = 32
    printed: int = 20 * MEGABYTE


@dataclass(frozen=True)
class Isolation:
    """What the system can keep from a submission.

    Arguments:
        namespaces: it sees no other process, has no network and no shared memory with others.
        shown: files and folders that it sees beside the system's libraries and its own folder, and
            cannot change; None where it sees all that the user sees.
        hidden: folders below those that it does not see.
        user: the number of the user that it runs as; None for our own.
        lacking: why it is no more than this; "" where it is all there is.
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
        folder: a temporary folder that holds all that is the submission's; it may write there.
        root: another, empty, to build its file system in.
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
