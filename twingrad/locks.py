"""Lock a folder, so that only one process at a time writes to it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from twingrad.errors import UserError
from twingrad.optional import module_if_there
from twingrad.run_folder import LOCK, make_folder

fcntl = module_if_there("fcntl")


@contextmanager
def holding(path: Path, what: str) -> Iterator[None]:
    """Hold a folder for the duration of the context, and remove the lock file at its end.

    Raises:
        UserError: as in `hold`.
    """
    lock = hold(path, what)
    try:
        yield
    finally:
        with suppress(OSError):
            (path / LOCK).unlink()  # while it is still locked
        lock.close()


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
    while True:
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
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # unlike flock, not inherited
        except OSError:
            lock.close()
            raise UserError(f"--out {path}: another process is running this {what}") from None
        if is_current(lock, path / LOCK):
            return lock
        lock.close()  # removed by its holder before we locked it


def is_current(file: IO[str], path: Path) -> bool:
    """Whether an open file is still the file at this path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
