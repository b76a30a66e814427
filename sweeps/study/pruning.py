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
    if any(axis.field == "half_cycle" for axis in space):
        raise UserError("--prune cannot go with --over half_cycle: cycles would end apart")
    cycles = any(axis.field in ("cycles", "epochs") for axis in space)
    if not cycle_ends(recipe, samples) and not cycles:
        raise UserError("--prune needs a training of at least 2 cycles; give --cycles")


def cycle_ends(recipe: Recipe, samples: int) -> list[int]:
    """The epochs, from 1, with which a cycle ends before the training does.

    Raises:
        UserError: a cycle ends within an epoch, where nothing is evaluated.
    """
    plan = recipe.plan(samples)
    epochs, rest = divmod(2 * plan.half_cycle, plan.updates_per_epoch)
    if rest and 2 * plan.half_cycle < len(plan.learning_rates):
        raise UserError(
            f"--prune needs cycles that end with an epoch: one has {2 * plan.half_cycle} updates, "
            f"an epoch {plan.updates_per_epoch}"
        )
    return list(range(epochs, plan.epochs, epochs)) if epochs else []


def next_end(recipe: Recipe, samples: int, done: int) -> int | None:
    """The epoch of the next end of a cycle after so many epochs; None for that of the training."""
    return next((end for end in cycle_ends(recipe, samples) if end > done), None)


def threshold(accuracies: Sequence[float], factor: int) -> float:
    """The accuracy that the best 1/factor of those that came so far all reach."""
    return sorted(accuracies, reverse=True)[math.ceil(len(accuracies) / factor) - 1]


def remaining(task: Task, checkpoint: Checkpoint, kept: Sequence[int], samples: int) -> Task:
    """The task of those that go on, up to the next end of a cycle.

    Arguments:
        task, checkpoint: the stack as it stands.
        kept: the models that go on, by their places in it.
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
