"""Errors of a sweep's folder: a full disk, or one that cannot be written."""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from twingrad.errors import UserError

FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def disk_reported(folder: Path) -> Iterator[None]:
    """Raise an OSError again as a UserError that names the folder."""
    try:
        yield
    except OSError as error:
        full = error.errno in FULL
        what = "the disk is full" if full else f"cannot be read or written ({error})"
        advice = "free some space, then continue" if full else "continue"
        raise UserError(
            f"--out {folder}: {what}; everything that ended before is kept: {advice} with --resume"
        ) from error
