"""A folder that one process at a time writes to."""

import sys
from pathlib import Path
from typing import IO

from twingrad.errors import UserError
from twingrad.run_folder import LOCK, make_folder

try:
    import fcntl
except ImportError:  # Windows has none
    fcntl = None  # type: ignore[assignment]


def hold(path: Path, what: str) -> IO[str]:
    """Locks a folder for this process; the lock ends with the process, however it ends.

    Where the system has no such locks it is left open, which standard error is told.

    Arguments:
        path: the folder, which is made if it is missing.
        what: what runs in it, for the message: "training" or "sweep".

    Raises:
        UserError: another process holds it, or it cannot be written to.
    """
    make_folder(path)
    try:
        lock = (path / LOCK).open("a")
    except OSError as error:
        raise UserError(f"--out {path}: cannot be written ({error.strerror})") from error
    if fcntl is None:
        print(
            f"twingrad: this system has no file locks: start no second {what} in {path}",
            file=sys.stderr,
        )
        return lock
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # unlike flock not passed on to workers
    except OSError:
        lock.close()
        raise UserError(f"--out {path}: another process is running this {what}") from None
    return lock
