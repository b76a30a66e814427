"""Which recipes can train as one stack, and the order of the samples that they share or not."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from twingrad.errors import UserError
from twingrad.minibatches import minibatch_order
from twingrad.recipe import Recipe

FIELDS = (
    "hidden",
    "batch_norm",
    "batch_size",
    "dtype",
    "alpha",
    "batches",
    "train_size",
    "per_file_standardization",
)
"""Recipe fields that one program for all models has only once."""


def stack_key(recipe: Recipe) -> dict[str, object]:
    """What recipes must have in common to train as one stack: `FIELDS`, and the length.

    The length is compared as it is given, in epochs or in updates: how many updates an epoch has
    is known only to the data.
    """
    if recipe.epochs is None and recipe.half_cycle is not None:
        length = f"{2 * recipe.half_cycle * recipe.cycles} updates"
    else:
        length = f"{recipe.epochs or 10 * recipe.cycles} epochs"
    return {name: getattr(recipe, name) for name in FIELDS} | {"length": length}


def require_stackable(recipes: Sequence[Recipe]) -> None:
    """Raises UserError unless the recipes can train as one stack, naming the field that differs.

    Penalty, range and cycle of the learning rate, initialisation and seeds may differ.
    """
    if not recipes:
        raise UserError("a stack of 0 recipes was given, but at least 1 was expected")
    first = stack_key(recipes[0])
    for number, recipe in enumerate(recipes[1:], start=2):
        for name, value in stack_key(recipe).items():
            if value != first[name]:
                raise UserError(
                    f"recipes of one stack must have equal {name}, but that of the first is "
                    f"{first[name]} and of number {number} is {value}; train them in separate "
                    "stacks"
                )


def stacked_order(
    recipes: Sequence[Recipe], epoch: int, samples: int
) -> Int[np.ndarray, "*models updates batch"]:
    """The minibatches of one epoch: once if all recipes shuffle by the same seed, else of each."""
    batch_size = recipes[0].batch_size
    seeds = [recipe.shuffle_seed for recipe in recipes]
    if len(set(seeds)) == 1:
        return minibatch_order(seeds[0], epoch, samples, batch_size)  # (updates, batch)
    return np.stack([minibatch_order(seed, epoch, samples, batch_size) for seed in seeds])
