"""Successive halving at the ends of cycles, where the learning rate is lowest and networks can be
compared (Jamieson and Talwalkar 2016; asynchronously, as Li et al. 2020)."""

import math
from collections.abc import Sequence

from sweeps.engine.groups import Task
from sweeps.space.axes import Space
from twingrad.errors import UserError
from twingrad.recipe import Recipe
from twingrad.training import Checkpoint


def require_prunable(space: Space, recipe: Recipe, samples: int) -> None:
    """Raise UserError unless all trials can be compared at the ends of cycles."""
    fields = {axis.field for axis in space}
    if "half_cycle" in fields:
        raise UserError("--prune cannot go with --over half_cycle: cycles would differ in length")
    if not cycle_ends(recipe, samples) and not fields & {"cycles", "epochs"}:
        raise UserError("--prune needs a training of at least 2 cycles; give --cycles")


def cycle_ends(recipe: Recipe, samples: int) -> list[int]:
    """The epochs, from 1, after which a cycle ends and the training continues.

    Raises:
        UserError: a cycle ends within an epoch, where nothing is evaluated.
    """
    plan = recipe.plan(samples)
    epochs, rest = divmod(2 * plan.half_cycle, plan.updates_per_epoch)
    if rest and 2 * plan.half_cycle < len(plan.learning_rates):
        raise UserError(
            f"--prune needs cycles that end with an epoch, but a cycle has {2 * plan.half_cycle} "
            f"updates and an epoch {plan.updates_per_epoch}"
        )
    return list(range(epochs, plan.epochs, epochs)) if epochs else []


def next_end(recipe: Recipe, samples: int, done: int = 0) -> int | None:
    """The first epoch after `done` epochs with which a cycle ends; None for the last cycle."""
    return next((end for end in cycle_ends(recipe, samples) if end > done), None)


def threshold(accuracies: Sequence[float], factor: int) -> float:
    """The lowest accuracy among the best 1/factor of the accuracies so far."""
    return sorted(accuracies, reverse=True)[math.ceil(len(accuracies) / factor) - 1]


def remaining(task: Task, checkpoint: Checkpoint, kept: Sequence[int], samples: int) -> Task:
    """The task that trains the kept networks of a paused stack up to the next end of a cycle.

    Arguments:
        task, checkpoint: the paused stack.
        kept: indices of the networks that continue.
        samples: size of the training set.
    """
    start = Checkpoint(
        epochs=checkpoint.epochs,
        histories=[checkpoint.histories[i] for i in kept],
        diverged=[None for _ in kept],
        states=[checkpoint.states[i] for i in kept],
    )
    recipes = tuple(task.recipes[i] for i in kept)
    stop = next_end(recipes[0], samples, checkpoint.epochs)
    return Task(tuple(task.keys[i] for i in kept), recipes, start, stop)
