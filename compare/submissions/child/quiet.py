"""Silence for calls that the user did not ask for."""

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drops what the code prints and warns of.

    A way of calling it that is merely tried, and the thousand calls of a numerical derivative,
    must not look like the code's own noise.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for to, number in zip((1, 2), kept, strict=True):
            os.dup2(number, to)
            os.close(number)
        os.close(nowhere)
