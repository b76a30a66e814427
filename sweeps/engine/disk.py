"""What may be wrong with a sweep's folder: its disk is full or cannot be written."""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from twingrad.errors import UserError

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
