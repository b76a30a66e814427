"""Lock a folder, so that only one process at a time writes to it."""

import sys
from pathlib import Path
from typing import IO

from twingrad.errors import UserError
from twingrad.run_folder import LOCK, make_folder

try:
    import fcntl
except ImportError:  # Windows does not have it
    fcntl = None  # type: ignore[assignment]


def hold(path: Path, what: str) -> IO[str]:
    """Lock a folder for this process; the lock ends with the process, however it ends.

    If the system has no file locks, print a warning to standard error instead.

    Arguments:
        path: the folder; created if necessary.
        what: what runs in it, for messages: "training" or "sweep".

    Raises:
        UserError: another process holds the lock, or the folder cannot be written.
    """
    make_folder(path)
    try:
        lock = (path / LOCK).open("a")
    except OSError as error:
        raise UserError(f"--out {path}: cannot be written ({error.strerror})") from error
    if fcntl is None:
        print(
            f"twingrad: this system has no file locks: do not start a second {what} in {path}",
            file=sys.stderr,
        )
        return lock
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # unlike flock, not inherited by workers
    except OSError:
        lock.close()
        raise UserError(f"--out {path}: another process is running this {what}") from None
    return lock
