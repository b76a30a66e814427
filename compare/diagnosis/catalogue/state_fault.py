"""A mistake of training."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from compare.diagnosis.catalogue.plain_training import PlainLearner
from twingrad.recipe import Recipe

Schedule = Callable[[int, int, float, float], np.ndarray]
"""(updates, half_cycle, eta_min, eta_max): the learning rate of every update, from t = 1."""


def anywhere(recipe: Recipe) -> bool:
    """For mistakes that are possible in every training."""
    return True


def with_batch_norm(recipe: Recipe) -> bool:
    """For mistakes of running statistics, gamma and beta."""
    return recipe.batch_norm


def using(*optimizers: str) -> Callable[[Recipe], bool]:
    """For mistakes of these optimisers."""
    return lambda recipe: recipe.optimizer in optimizers


def scheduled(*schedules: str) -> Callable[[Recipe], bool]:
    """For mistakes of these schedules."""
    return lambda recipe: recipe.schedule in schedules


@dataclass(frozen=True)
class StateFault:
    """One mistake of training.

    Arguments:
        name, explanation, fix: as in `compare.diagnosis.catalogue.fault.Fault`.
        tensor: the state that is wrong first, or its kind ("mu", "W").
        learner: a training that makes it.
        learning_rates: a schedule that makes it; None for the right one.
        where: the trainings in which it can be made, and differs from every other mistake.
    """

    name: str
    explanation: str
    fix: str
    tensor: str
    learner: type[PlainLearner] = PlainLearner
    learning_rates: Schedule | None = None
    where: Callable[[Recipe], bool] = anywhere
