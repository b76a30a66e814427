"""How many networks fit side by side into memory."""

import os
from collections.abc import Callable, Sequence
from itertools import pairwise

from sweeps.engine.data import Loaded
from twingrad.errors import UserError
from twingrad.recipe import Recipe

WEIGHTS, ACTIVATIONS = 6, 10
"""Number of arrays that a network in training has of the size of its parameters, and of the size
of a minibatch's activations. Rounded up: the peak was not measured on every device."""

StackOf = Callable[[Recipe], int]
"""Gives the maximum size of a stack for a recipe."""


def bytes_per_network(recipe: Recipe, features: int, classes: int) -> int:
    """An upper estimate of a network's memory in training, without the data."""
    widths = (features, *recipe.hidden, classes)
    parameters = sum((a + 3) * b for a, b in pairwise(widths))
    floats = WEIGHTS * parameters + recipe.batch_size * (features + ACTIVATIONS * sum(widths[1:]))
    return floats * (8 if recipe.dtype == "float64" else 4)


def available(devices: Sequence[str], processes: int) -> int:
    """Bytes that each process may use now, if the processes share the devices evenly."""
    each = []
    for device in dict.fromkeys(devices):
        if device.startswith("cuda"):
            import torch

            free = torch.cuda.mem_get_info(device)[0]
        else:
            free = free_memory()
        each.append(free // -(-processes // len(set(devices))))
    return min(each)


def free_memory() -> int:
    """Bytes of free memory, or of all memory on systems without /proc/meminfo, such as macOS."""
    try:
        with open("/proc/meminfo") as file:
            return next(1024 * int(line.split()[1]) for line in file if "MemAvailable" in line)
    except (OSError, StopIteration):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def stack_sizer(stack: int | None, default: int, memory: int, data: Loaded) -> StackOf:
    """Make the function that gives the size of a sweep's stacks.

    Arguments:
        stack: size that the user asked for, or None.
        default: size otherwise, if it fits.
        memory: bytes that a process, or a task of a cluster, may use.
        data: of every recipe.

    Returns:
        The function; it raises UserError if a stack of the size asked for, or a single network,
        does not fit into memory.
    """

    def stack_of(recipe: Recipe) -> int:
        dataset = data(recipe)
        each = bytes_per_network(recipe, dataset.training.X.shape[1], dataset.classes)
        fits = memory // each
        size = stack or min(default, max(fits, 1))
        if size > fits:
            raise UserError(
                f"a stack of {size} networks {'-'.join(map(str, recipe.hidden)) or 'none'} does "
                f"not fit into memory: it takes about {size * each / 1e9:.3g} GB of "
                f"{memory / 1e9:.3g}; give a smaller --stack, fewer --processes or smaller networks"
            )
        return size

    return stack_of
