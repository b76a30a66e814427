"""One BLAS thread a process, unless asked for more.

These matrix products are too small to share: two threads are no faster than one, and far slower
when another process wants the core.
"""

import sys

from threadpoolctl import threadpool_limits

from twingrad.errors import UserError


def limit_threads(threads: int = 1) -> None:
    """Sets the threads of every BLAS and OpenMP loaded so far, torch's included.

    Raises:
        UserError: fewer than 1.
    """
    if threads < 1:
        raise UserError(f"--threads is {threads}, but at least 1 was expected")
    threadpool_limits(limits=threads)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)
