"""What a sweep takes where it is not told."""

import os
from collections.abc import Sequence

from common.errors import UserError

STACK = 16
"""Trials in a stack: as many as NumPy trains side by side before the cache is full."""


def checked(processes: int | None, stack: int, devices: Sequence[str]) -> int:
    """How many processes there will be.

    Raises:
        UserError: fewer than 1, or stacks of fewer than 1.
    """
    for option, value in [("stack", stack), ("processes", processes)]:
        if value is not None and value < 1:
            raise UserError(f"--{option} is {value}, but at least 1 was expected")
    return default_processes(devices) if processes is None else processes


def default_processes(devices: Sequence[str]) -> int:
    """One a GPU, else one a core that this process may use."""
    if any(device.startswith("cuda") for device in devices):
        return len(devices)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
