"""The course of a training: order, learning rates, evaluation, saving. No arithmetic of the net.

Each backend brings a `Learner`, which holds parameters, running statistics and data and does the
updates; this is the loop around it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float, Int

from twingrad.dataset import Dataset
from twingrad.errors import DivergedError, UserError
from twingrad.history import Epoch, Evaluation, History, Part
from twingrad.minibatches import minibatch_order
from twingrad.network import Network, Parameters, RunningStatistics
from twingrad.recipe import Recipe
from twingrad.run_folder import RunFolder

OnEpoch = Callable[[Epoch, int], None]
"""Called after every epoch with its metrics and the number of epochs there will be."""


class Learner(Protocol):
    """One backend in the middle of a training."""

    def run_epoch(
        self,
        order: Int[np.ndarray, "updates batch"],
        learning_rates: Float[np.ndarray, " updates"],
    ) -> Float[np.ndarray, " updates"]:
        """Does the updates and returns the cost of each minibatch before its update.

        It may stop at a cost that is not finite; what it returns then ends with that cost.
        """
        ...

    def evaluate(self, part: Part) -> Evaluation:
        """Cost, loss and accuracy of one part of the data, with the running statistics."""
        ...

    def state(self) -> dict[str, np.ndarray]:
        """Copies of the parameters and running statistics by name, in the training's dtype."""
        ...

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continues from what `state` returned."""
        ...


@dataclass(frozen=True)
class Run:
    """A finished training.

    Arguments:
        recipe: what was run.
        history: an entry per epoch.
        final: training, validation and test evaluation of the last parameters.
        parameters, statistics: the end state, in the training's dtype.
    """

    recipe: Recipe
    history: History
    final: dict[Part, Evaluation]
    parameters: Parameters
    statistics: RunningStatistics


def run_training(
    learner: Learner,
    recipe: Recipe,
    network: Network,
    dataset: Dataset,
    *,
    folder: RunFolder | None = None,
    on_epoch: OnEpoch | None = None,
) -> Run:
    """Trains from the start, or from where the folder's run was interrupted.

    Arguments:
        learner: at its initial state; restored from the folder's checkpoint if it has one.
        recipe: what to run.
        network: names the parameters.
        dataset: what the learner holds.
        folder: where each epoch is saved; None keeps nothing on disk.
        on_epoch: for progress.

    Raises:
        DivergedError: the cost became NaN or infinite; every epoch before it is saved.
    """
    samples = len(dataset.training)
    plan = recipe.plan(samples)
    history: History = []
    if folder is not None and (checkpoint := folder.load_checkpoint()) is not None:
        history, state = checkpoint
        require_state_of(network, state, folder)
        learner.restore(state)

    for epoch in range(len(history), plan.epochs):
        started = time.perf_counter()
        first = epoch * plan.updates_per_epoch
        rates = plan.learning_rates[first : first + plan.updates_per_epoch]
        order = minibatch_order(recipe.shuffle_seed, epoch, samples, recipe.batch_size)
        order = order[: len(rates)]
        costs = learner.run_epoch(order, rates)
        require_finite(costs, first, plan.learning_rates)
        done = first + len(rates)
        training, validation = learner.evaluate("training"), learner.evaluate("validation")
        for evaluation in (training, validation):
            if not evaluation.finite:
                raise DivergedError(done, float(rates[-1]), evaluation.cost)
        history.append(
            Epoch(
                epoch=epoch + 1,
                update=done,
                training=training,
                validation=validation,
                learning_rates=tuple(rates.tolist()),
                seconds=time.perf_counter() - started,
            )
        )
        if folder is not None:
            folder.save_checkpoint(history, learner.state())
        if on_epoch is not None:
            on_epoch(history[-1], plan.epochs)

    state = learner.state()
    final: dict[Part, Evaluation] = {
        "training": history[-1].training,
        "validation": history[-1].validation,
        "test": learner.evaluate("test"),
    }
    return Run(
        recipe=recipe,
        history=history,
        final=final,
        parameters={name: state[name] for name in network.parameter_shapes},
        statistics={name: state[name] for name in network.statistic_shapes},
    )


def require_state_of(network: Network, state: dict[str, np.ndarray], folder: RunFolder) -> None:
    """Raises UserError unless a checkpoint holds every tensor of the network in its shape."""
    for name, shape in (network.parameter_shapes | network.statistic_shapes).items():
        found = state[name].shape if name in state else "nothing"
        if found != shape:
            raise UserError(
                f"{folder.path / 'checkpoint.safetensors'}: {name} is {found}, but {shape} was "
                "expected; train anew"
            )


def require_finite(
    costs: Float[np.ndarray, " updates"], first: int, rates: Float[np.ndarray, " all"]
) -> None:
    """Raises DivergedError for the first cost that is NaN or infinite.

    The learning rate named is that of the update before: it made the parameters that fail.

    Arguments:
        costs: of consecutive minibatches.
        first: updates done before them.
        rates: of all updates of the training.
    """
    broken = np.flatnonzero(~np.isfinite(costs))
    if len(broken):
        t = first + int(broken[0]) + 1
        raise DivergedError(t, float(rates[max(t - 2, 0)]), float(costs[broken[0]]))
