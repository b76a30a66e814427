"""Keep freed memory in the process, which both implementations profit from."""

import numpy as np


def keep_freed_memory() -> None:
    """Make the process reuse the memory of freed arrays instead of returning it to the system.

    glibc maps fresh memory for each array above 128 KB, and the first write to each page is then
    a page fault. Freeing such an array raises the limit to its size, up to 32 MB, so one large
    array is allocated and freed here. Other systems are not affected.
    """
    np.empty(31 * 2**20, dtype=np.uint8)
