"""Limit BLAS and OpenMP to one thread per process by default.

These matrix products are too small to divide: two threads are no faster than one, and far slower
when another process needs the core.
"""

import sys

from threadpoolctl import threadpool_limits

from twingrad.errors import UserError

MAX_THREADS = 4096
"""Limit of --threads; the libraries keep the number in a C int."""


def limit_threads(threads: int = 1) -> None:
    """Set the number of threads of every BLAS and OpenMP loaded so far, including torch's.

    Raises:
        UserError: it is less than 1, or more than any machine has.
    """
    if not 1 <= threads <= MAX_THREADS:
        raise UserError(f"--threads is {threads}, but expected 1 to {MAX_THREADS}")
    threadpool_limits(limits=threads)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)
