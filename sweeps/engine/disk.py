"""What may be wrong with a sweep's folder: its disk is full, or another process has it."""

import contextlib
import errno
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from twingrad.errors import UserError
from twingrad.run_folder import make_folder

FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def disk_reported(folder: Path) -> Iterator[None]:
    """What cannot be written as a UserError that names the folder; all else passes."""
    try:
        yield
    except OSError as error:
        full = error.errno in FULL
        what = "the disk is full" if full else f"cannot be read or written ({error})"
        then_do = "make room, then continue" if full else "continue"
        raise UserError(
            f"--out {folder}: {what}; everything that ended before is kept: {then_do} with --resume"
        ) from error


def hold(path: Path) -> IO[str]:
    """Locks a folder for this process; the lock ends with the process, however it ends.

    Raises:
        UserError: another process holds it.
    """
    make_folder(path)
    lock = (path / "lock").open("a")
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # unlike flock not handed to workers
    except OSError:
        lock.close()
        raise UserError(f"--out {path}: another process is running this sweep") from None
    return lock
