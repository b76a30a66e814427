"""Default number of processes and default size of a stack."""

import os
from collections.abc import Sequence

from twingrad.errors import UserError

STACKS = {"cpu": 16, "cuda": 256}
"""Trials in a stack: on a CPU as many as fit into its cache, on a GPU as many as occupy it."""


def checked(processes: int | None, stack: int | None, devices: Sequence[str]) -> tuple[int, int]:
    """Number of processes and size of the largest stack.

    Arguments:
        processes, stack: what the user asked for; None for the defaults: a process for each GPU
            or for each core that this process may use.
        devices: such as ("cpu",) or ("cuda:0", "cuda:1").

    Raises:
        UserError: fewer than 1 of either.
    """
    for option, value in [("stack", stack), ("processes", processes)]:
        if value is not None and value < 1:
            raise UserError(f"--{option} is {value}, but expected at least 1")
    cuda = any(device.startswith("cuda") for device in devices)
    default = len(devices) if cuda else cores()
    return processes or default, stack or STACKS["cuda" if cuda else "cpu"]


def cores() -> int:
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
