"""How many networks of a recipe train side by side in the memory there is."""

import os
from collections.abc import Callable, Sequence
from itertools import pairwise

from sweeps.engine.data import Loaded
from twingrad.errors import UserError
from twingrad.recipe import Recipe

WEIGHTS, ACTIVATIONS = 6, 10
"""Arrays of the size of the parameters, and of a minibatch's activations, that a network has in
training: rounded up, as the peak is measured for neither backend on every device."""

StackOf = Callable[[Recipe], int]
"""How many networks of a recipe's architecture a stack has, at most."""


def bytes_per_network(recipe: Recipe, features: int, classes: int) -> int:
    """Roughly, and rather too much, what a network takes in training beside the data."""
    widths = (features, *recipe.hidden, classes)
    parameters = sum((a + 3) * b for a, b in pairwise(widths))
    floats = WEIGHTS * parameters + recipe.batch_size * (features + ACTIVATIONS * sum(widths[1:]))
    return floats * (8 if recipe.dtype == "float64" else 4)


def available(devices: Sequence[str], processes: int) -> int:
    """Bytes that each of so many processes may take now; a device is shared evenly."""
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
    """Bytes that this machine can still give to processes; of all its memory where it keeps no
    account, as on macOS."""
    try:
        with open("/proc/meminfo") as file:
            return next(1024 * int(line.split()[1]) for line in file if "MemAvailable" in line)
    except (OSError, StopIteration):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def stack_sizer(stack: int | None, default: int, memory: int, data: Loaded) -> StackOf:
    """How large the stacks of a sweep are.

    Arguments:
        stack: as the user asked, else None.
        default: where nobody asked, as far as it fits.
        memory: bytes that a process, or a task of a cluster, may take.
        data: of every recipe.

    Returns:
        What tells a recipe's; it raises UserError where a stack of the size asked for, or a single
        network, does not fit into memory.
    """

    def stack_of(recipe: Recipe) -> int:
        dataset = data(recipe)
        each = bytes_per_network(recipe, dataset.training.X.shape[1], dataset.classes)
        fits = memory // each
        wanted = stack or min(default, max(fits, 1))
        if wanted > fits:
            raise UserError(
                f"a stack of {wanted} networks {'-'.join(map(str, recipe.hidden)) or 'none'} does "
                f"not fit into memory: it takes about {wanted * each / 1e9:.3g} GB of "
                f"{memory / 1e9:.3g}; give a smaller --stack, fewer --processes or smaller networks"
            )
        return wanted

    return stack_of
