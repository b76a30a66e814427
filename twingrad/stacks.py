"""Which recipes can train as one stack, and the random draws of a stack."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from twingrad.augmentation import Augmentation
from twingrad.errors import UserError
from twingrad.initialization import initialize
from twingrad.minibatches import EpochInputs
from twingrad.network import Network, Parameters
from twingrad.recipe import Recipe
from twingrad.schedule import Plan

SHARED_FIELDS = (
    "hidden",
    "normalization",
    "activation",
    "slope",
    "dropout",
    "smoothing",
    "loss",
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
"""Fields that must be equal in all recipes of a stack."""


def stack_key(recipe: Recipe) -> dict[str, object]:
    """Everything that must be equal to train as one stack: `SHARED_FIELDS` and the length.

    The length is in epochs or in updates, as in the recipe: the number of updates in an epoch
    depends on the data.
    """
    if recipe.epochs is None and recipe.half_cycle is not None:
        length = f"{2 * recipe.half_cycle * recipe.cycles} updates"
    else:
        length = f"{recipe.epochs or 10 * recipe.cycles} epochs"
    return {name: getattr(recipe, name) for name in SHARED_FIELDS} | {"length": length}


def require_stackable(recipes: Sequence[Recipe]) -> None:
    """Raise UserError, naming the field that differs, unless the recipes can train as one stack.

    Penalty, learning rates, optimiser constants, initialisation and seeds may differ.
    """
    if not recipes:
        raise UserError("got a stack of 0 recipes, but expected at least 1")
    first = stack_key(recipes[0])
    for number, recipe in enumerate(recipes[1:], start=2):
        for name, value in stack_key(recipe).items():
            if value != first[name]:
                raise UserError(
                    f"recipes of one stack must have equal {name}, but it is {first[name]} in the "
                    f"first and {value} in number {number}; train them in separate stacks"
                )


def initial_parameters(network: Network, recipes: Iterable[Recipe]) -> Iterator[Parameters]:
    """The initial parameters of each recipe, drawn one recipe at a time to save memory.

    Consecutive recipes with equal initialisation and seed get the same arrays.
    """
    previous, parameters = None, None
    for recipe in recipes:
        draw = (recipe.initialization, recipe.seed)
        if parameters is None or draw != previous:
            previous, parameters = draw, None  # free the old arrays before drawing new ones
            parameters = initialize(network, *draw)
        yield parameters


def stack_inputs(
    recipes: Sequence[Recipe], network: Network, epoch: int, plans: Sequence[Plan]
) -> EpochInputs:
    """Draw the inputs of one epoch: once if all recipes have equal draws, otherwise for each.

    Arguments:
        recipes: of one stack.
        network: the architecture of all of them.
        epoch: from 0.
        plans: of each recipe.
    """
    rates = np.stack([plan.of_epoch(epoch) for plan in plans])  # (networks, updates)
    if len({recipe.draws for recipe in recipes}) == 1:
        shared = recipes[0].inputs(network, epoch, plans[0])
        return EpochInputs(shared.order, rates, shared.masks, shared.augmentation)
    inputs = [
        recipe.inputs(network, epoch, plan) for recipe, plan in zip(recipes, plans, strict=True)
    ]
    augmentations = [one.augmentation for one in inputs if one.augmentation is not None]
    augmentation = (
        Augmentation(
            *(
                np.stack([getattr(one, field) for one in augmentations])
                for field in ("flip", "shift", "jitter")
            )
        )
        if augmentations
        else None
    )
    masks = {name: np.stack([one.masks[name] for one in inputs]) for name in network.mask_shapes}
    return EpochInputs(np.stack([one.order for one in inputs]), rates, masks, augmentation)
