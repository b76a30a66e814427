"""The course of many trainings at once: networks of one architecture that share their epochs.

Each backend brings a `StackedLearner`; this is the loop around it, as `run_training` is around
the learner of one network.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float, Int

from twingrad.dataset import Dataset
from twingrad.errors import DivergedError
from twingrad.history import Epoch, Evaluation, History, Part
from twingrad.initialization import initialize
from twingrad.network import Network, Parameters
from twingrad.recipe import Recipe
from twingrad.stackable import require_stackable, stacked_order
from twingrad.training import Run, require_finite


class StackedLearner(Protocol):
    """N networks of one architecture in the middle of their trainings.

    A model that is marked in `diverged` is frozen: its parameters stay as they were before its
    first cost that was not finite, and it never disturbs the others. `run_epoch` marks; the
    caller may mark further models, which are then frozen where they stand.
    """

    diverged: Bool[np.ndarray, " models"]

    def run_epoch(
        self,
        order: Int[np.ndarray, "*models updates batch"],
        learning_rates: Float[np.ndarray, "models updates"],
    ) -> Float[np.ndarray, "models updates"]:
        """Does the updates and returns the cost of each minibatch before its update.

        Arguments:
            order: (updates, batch) if all models share their minibatches, else (models, updates,
                batch).
            learning_rates: of each model.

        Returns:
            Costs; a model that diverges has the cost that is not finite there, and NaN or
            infinity from there on.
        """
        ...

    def evaluate(self, part: Part) -> list[Evaluation]:
        """Of every model, with its running statistics; NaN for one that has diverged."""
        ...

    def state(self) -> list[dict[str, np.ndarray]]:
        """Copies of every model's parameters and running statistics by name."""
        ...

    def restore(self, states: Iterable[dict[str, np.ndarray]]) -> None:
        """Continues from what `state` returned, read one after another; no model marked."""
        ...


@dataclass(frozen=True)
class Diverged:
    """A training that ended because its cost became NaN or infinite.

    Arguments:
        recipe: what was run.
        update, learning_rate, cost: as in `DivergedError`.
        history: the epochs before.
    """

    recipe: Recipe
    update: int
    learning_rate: float
    cost: float
    history: History


@dataclass(frozen=True)
class StackCheckpoint:
    """A stack at the end of an epoch: all that continuing it needs.

    Arguments:
        epochs: how many are done.
        histories: of each model.
        diverged: of each model, None while it trains.
        states: of each model, by name.
    """

    epochs: int
    histories: list[History]
    diverged: list[Diverged | None]
    states: list[dict[str, np.ndarray]]


OnStackEpoch = Callable[[list[Epoch | None], int], None]
"""Called after every epoch with each model's metrics, None for one that has diverged, and the
number of epochs there will be."""


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


def run_stacked(
    learner: StackedLearner,
    recipes: Sequence[Recipe],
    network: Network,
    dataset: Dataset,
    *,
    start: StackCheckpoint | None = None,
    save: Callable[[StackCheckpoint], None] | None = None,
    on_epoch: OnStackEpoch | None = None,
) -> list[Run | Diverged]:
    """Trains all from the start, or from a checkpoint.

    Arguments:
        learner: at its initial state; restored from the checkpoint if there is one.
        recipes: what to run, in the learner's order.
        network: names the parameters.
        dataset: what the learner holds.
        start: what an earlier call handed to `save`, for the same recipes and data.
        save: handed the stack after every epoch.
        on_epoch: for progress.

    Returns:
        For every recipe its run, or how it diverged. An epoch's seconds are the whole stack's.

    Raises:
        UserError: the recipes cannot be stacked.
    """
    require_stackable(recipes)
    samples, models = len(dataset.training), range(len(recipes))
    plan = recipes[0].plan(samples)
    rates = np.stack([recipe.plan(samples).learning_rates for recipe in recipes])
    histories: list[History] = [[] for _ in models]
    diverged: list[Diverged | None] = [None for _ in models]
    if start is not None:
        histories, diverged = [list(history) for history in start.histories], list(start.diverged)
        learner.restore(start.states)
        mark(learner, diverged)

    for epoch in range(start.epochs if start else 0, plan.epochs):
        if all(diverged):
            break
        started = time.perf_counter()
        first = epoch * plan.updates_per_epoch
        now = rates[:, first : first + plan.updates_per_epoch]  # (models, updates)
        order = stacked_order(recipes, epoch, samples)[..., : now.shape[1], :]
        costs = learner.run_epoch(order, now)
        done = first + now.shape[1]
        training, validation = learner.evaluate("training"), learner.evaluate("validation")
        seconds = time.perf_counter() - started
        for i in models:
            if diverged[i]:
                continue
            try:
                require_finite(costs[i], first, rates[i])
                for evaluation in (training[i], validation[i]):
                    if not evaluation.finite:
                        raise DivergedError(done, float(now[i, -1]), evaluation.cost)
            except DivergedError as end:
                diverged[i] = Diverged(
                    recipes[i], end.update, end.learning_rate, end.cost, histories[i]
                )
                continue
            eta = tuple(now[i].tolist())
            histories[i].append(Epoch(epoch + 1, done, training[i], validation[i], eta, seconds))
        mark(learner, diverged)
        if save is not None:
            kept = [list(history) for history in histories]
            save(StackCheckpoint(epoch + 1, kept, list(diverged), learner.state()))
        if on_epoch is not None:
            on_epoch([None if diverged[i] else histories[i][-1] for i in models], plan.epochs)

    return finish(learner, recipes, network, histories, diverged)


def mark(learner: StackedLearner, diverged: Sequence[Diverged | None]) -> None:
    """Freezes the models that have diverged."""
    for i, end in enumerate(diverged):
        if end is not None:
            learner.diverged[i] = True


def finish(
    learner: StackedLearner,
    recipes: Sequence[Recipe],
    network: Network,
    histories: Sequence[History],
    diverged: Sequence[Diverged | None],
) -> list[Run | Diverged]:
    """The outcome of every model; those that finished are evaluated on the test data."""
    test, states = learner.evaluate("test"), learner.state()
    outcomes: list[Run | Diverged] = []
    for i, (recipe, end) in enumerate(zip(recipes, diverged, strict=True)):
        if end is not None:
            outcomes.append(end)
            continue
        last = histories[i][-1]
        final: dict[Part, Evaluation] = {"training": last.training, "validation": last.validation}
        final["test"] = test[i]
        parameters = {name: states[i][name] for name in network.parameter_shapes}
        statistics = {name: states[i][name] for name in network.statistic_shapes}
        outcomes.append(Run(recipe, histories[i], final, parameters, statistics))
    return outcomes
