"""What a sweep takes where it is not told."""

import os
from collections.abc import Sequence

from twingrad.errors import UserError

STACKS = {"cpu": 16, "cuda": 256}
"""Trials in a stack, at most: as many as train side by side before the cache is full, or as keep a
GPU busy."""


def checked(processes: int | None, stack: int | None, devices: Sequence[str]) -> tuple[int, int]:
    """How many processes there will be, and how many trials in a stack, as far as memory allows.

    Raises:
        UserError: fewer than 1 of either.
    """
    for option, value in [("stack", stack), ("processes", processes)]:
        if value is not None and value < 1:
            raise UserError(f"--{option} is {value}, but expected at least 1")
    cuda = any(device.startswith("cuda") for device in devices)
    return (
        default_processes(devices) if processes is None else processes,
        STACKS["cuda" if cuda else "cpu"] if stack is None else stack,
    )


def default_processes(devices: Sequence[str]) -> int:
    """One a GPU, else one a core that this process may use."""
    if any(device.startswith("cuda") for device in devices):
        return len(devices)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
