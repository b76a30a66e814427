"""A folder that one process at a time writes to."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from twingrad.errors import UserError
from twingrad.run_folder import LOCK, make_folder

try:
    import fcntl
except ImportError:  # Windows has none
    fcntl = None  # type: ignore[assignment]


@contextmanager
def holding(path: Path, what: str) -> Iterator[None]:
    """Holds a folder as long as the context lasts, and leaves no lock file behind.

    Raises:
        UserError: as `hold`.
    """
    lock = hold(path, what)
    try:
        yield
    finally:
        with suppress(OSError):
            (path / LOCK).unlink()  # before it is let go: nobody else has it now
        lock.close()


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
    while True:
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
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # unlike flock not passed to workers
        except OSError:
            lock.close()
            raise UserError(f"--out {path}: another process is running this {what}") from None
        if is_current(lock, path / LOCK):
            return lock
        lock.close()  # its holder removed it between our opening and our locking


def is_current(file: IO[str], path: Path) -> bool:
    """Whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
