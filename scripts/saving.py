"""Say how to continue a training that is stopped from outside."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.output import Output
from twingrad.errors import UserError


@contextmanager
def saving(folder: Path, again: str, output: Output) -> Iterator[None]:
    """Say how to continue a training that is stopped from outside.

    Arguments:
        folder: of the training.
        again: the command that continues it.
        output: of the command.

    Raises:
        UserError: the folder cannot be written, for example because the disk is full.
    """
    try:
        yield
    except KeyboardInterrupt:
        output.print(f"saved; continue with: {again}", markup=False)
        raise
    except BrokenPipeError:
        raise UserError(
            f"the reader of the output exited; finished epochs are kept: continue with {again}"
        ) from None
    except OSError as error:
        first = "free some space, then " if error.errno == errno.ENOSPC else ""
        raise UserError(
            f"--out {folder}: cannot be read or written ({error.strerror or error}); finished "
            f"epochs are kept: {first}continue with {again}"
        ) from error
