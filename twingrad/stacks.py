"""Which recipes can train as one stack, and what they draw together."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from twingrad.augmentation import Augmentation
from twingrad.errors import UserError
from twingrad.initialization import initialize
from twingrad.minibatches import EpochInputs
from twingrad.network import Network, Parameters
from twingrad.recipe import Recipe
from twingrad.schedule import Plan

FIELDS = (
    "hidden",
    "normalization",
    "activation",
    "slope",
    "dropout",
    "smoothing",
    "optimizer",
    "decoupled",
    "batch_size",
    "flip",
    "shift",
    "jitter",
    "alpha",
    "precise_statistics",
    "dtype",
    "batches",
    "train_size",
    "unpenalised",
    "per_file_standardization",
)
"""What one program for all networks has only once."""


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

    Penalty, learning rates, the optimiser's constants, initialisation and seeds may differ.
    """
    if not recipes:
        raise UserError("a stack of 0 recipes was given, but expected at least 1")
    first = stack_key(recipes[0])
    for number, recipe in enumerate(recipes[1:], start=2):
        for name, value in stack_key(recipe).items():
            if value != first[name]:
                raise UserError(
                    f"recipes of one stack must have equal {name}, but that of the first is "
                    f"{first[name]} and of number {number} is {value}; train them in separate "
                    "stacks"
                )


def initial_parameters(network: Network, recipes: Iterable[Recipe]) -> Iterator[Parameters]:
    """Each recipe's, drawn one after another, so that a stack's need not be in memory together.

    A recipe that starts as the one before, as in a search for lambda, gets the same arrays again.
    """
    known, parameters = None, None
    for recipe in recipes:
        start = (recipe.initialization, recipe.seed)
        if parameters is None or start != known:
            known, parameters = start, None  # not two at a time
            parameters = initialize(network, *start)
        yield parameters


def stack_inputs(
    recipes: Sequence[Recipe], network: Network, epoch: int, plans: Sequence[Plan]
) -> EpochInputs:
    """What an epoch draws: once if all recipes draw alike, else of each.

    Arguments:
        recipes: of one stack.
        network: of all of them.
        epoch: from 0.
        plans: of each recipe.
    """
    rates = np.stack([plan.of_epoch(epoch) for plan in plans])  # (networks, updates)
    if len({recipe.draws for recipe in recipes}) == 1:
        drawn = recipes[0].inputs(network, epoch, plans[0])
        return EpochInputs(drawn.order, rates, drawn.masks, drawn.augmentation)
    each = [
        recipe.inputs(network, epoch, plan) for recipe, plan in zip(recipes, plans, strict=True)
    ]
    augmentations = [one.augmentation for one in each if one.augmentation is not None]
    together = (
        Augmentation(
            *(
                np.stack([getattr(one, what) for one in augmentations])
                for what in ("flip", "shift", "jitter")
            )
        )
        if augmentations
        else None
    )
    masks = {name: np.stack([one.masks[name] for one in each]) for name in network.mask_shapes}
    return EpochInputs(np.stack([one.order for one in each]), rates, masks, together)
