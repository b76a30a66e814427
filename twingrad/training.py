"""The training loop, for one network or a stack, without the network's arithmetic.

Each backend provides a `Learner`, which holds the data, parameters, running statistics and
optimiser's memory, and runs the updates and evaluations.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float

from twingrad.dataset import Dataset
from twingrad.errors import DivergedError, UserError
from twingrad.history import Epoch, Evaluation, History, Part
from twingrad.minibatches import EpochInputs
from twingrad.network import Network, Parameters, RunningStatistics
from twingrad.recipe import Recipe
from twingrad.run_folder import RunFolder
from twingrad.stacks import initial_parameters, require_stackable, stack_inputs

State = dict[str, np.ndarray]
"""Parameters, running statistics and optimiser's memory of one network, by name, and the number of
updates done, `updates`."""


class Learner(Protocol):
    """N networks of one architecture during their training.

    A network marked in `diverged` is frozen: its parameters stay as they were when its cost was
    first not finite, and it does not affect the others. `run_epoch` marks networks; the caller may
    mark others, which are then frozen as they are.
    """

    diverged: Bool[np.ndarray, " networks"]

    def run_epoch(self, inputs: EpochInputs) -> Float[np.ndarray, "networks updates"]:
        """Run the updates of an epoch; return the cost of each minibatch before its update.

        From the update at which a network diverges, its costs are NaN or infinite.
        """
        ...

    def evaluate(self, part: Part) -> list[Evaluation]:
        """Evaluate every network with its running statistics; NaN for a diverged network."""
        ...

    def take_precise_statistics(self) -> None:
        """Replace the running statistics by those of the training set as a single minibatch."""
        ...

    def state(self) -> list[State]:
        """Copies of every network's state, in the training's dtype."""
        ...

    def restore(self, states: Iterable[State]) -> None:
        """Continue from results of `state`, read one at a time; no network is marked."""
        ...


MakeLearner = Callable[[Sequence[Recipe], Network, Dataset, Iterable[Parameters]], Learner]


@dataclass(frozen=True)
class Run:
    """A finished training.

    Arguments:
        recipe: of the training.
        history: one entry per epoch.
        final: training, validation and test evaluation of the final parameters.
        parameters, statistics: the final state, in the training's dtype.
    """

    recipe: Recipe
    history: History
    final: dict[Part, Evaluation]
    parameters: Parameters
    statistics: RunningStatistics


@dataclass(frozen=True)
class Diverged:
    """A training that ended because its cost became NaN or infinite.

    Arguments:
        recipe: of the training.
        update, learning_rate, cost, costs: as in `DivergedError`.
        history: the complete epochs before it.
    """

    recipe: Recipe
    update: int
    learning_rate: float
    cost: float
    history: History
    costs: tuple[float, ...] = ()


@dataclass(frozen=True)
class Checkpoint:
    """Everything needed to continue the trainings of a stack from the end of an epoch.

    Arguments:
        epochs: number of epochs done.
        histories: of each network.
        diverged: for each network, None if it has not diverged.
        states: of each network.
    """

    epochs: int
    histories: list[History]
    diverged: list[Diverged | None]
    states: list[State]


OnEpoch = Callable[[Epoch, int], None]
"""Called after every epoch with its metrics and the total number of epochs."""

OnStackEpoch = Callable[[list[Epoch | None], int], None]
"""The same for a stack: the metrics of each network, None if it has diverged."""

PARTS: tuple[Part, ...] = ("training", "validation", "test")
EVERY_EPOCH: tuple[Part, ...] = ("training", "validation")


def train_stack(
    make: MakeLearner,
    recipes: Sequence[Recipe],
    dataset: Dataset,
    *,
    start: Checkpoint | None = None,
    save: Callable[[Checkpoint], None] | None = None,
    on_epoch: OnStackEpoch | None = None,
    evaluate: Sequence[Part] = EVERY_EPOCH,
) -> list[Run | Diverged]:
    """Train a stack of networks from the start or from a checkpoint.

    Arguments:
        make: creates the backend's learner.
        recipes: that can be trained as one stack.
        dataset: in the recipes' dtype.
        start: a checkpoint that an earlier call passed to `save`, for the same recipes and data.
        save: called with a checkpoint after every epoch.
        on_epoch: reports progress.
        evaluate: parts evaluated after every epoch; the others are evaluated at the end.

    Returns:
        A `Run` or a `Diverged` for every recipe. The seconds of an epoch are those of the stack.

    Raises:
        UserError: the recipes cannot be stacked.
    """
    require_stackable(recipes)
    network = recipes[0].network(dataset.training.X.shape[1], dataset.classes)
    plans = [recipe.plan_for(dataset) for recipe in recipes]
    learner = make(recipes, network, dataset, initial_parameters(network, recipes))
    histories: list[History] = [[] for _ in recipes]
    diverged: list[Diverged | None] = [None for _ in recipes]
    if start is not None:
        histories, diverged = [list(history) for history in start.histories], list(start.diverged)
        learner.restore(start.states)
        mark(learner, diverged)

    for epoch in range(start.epochs if start else 0, plans[0].epochs):
        if all(diverged):
            break
        started = time.perf_counter()
        inputs = stack_inputs(recipes, network, epoch, plans)
        costs = learner.run_epoch(inputs)
        first, rates = epoch * plans[0].updates_per_epoch, inputs.learning_rates
        done = first + rates.shape[1]
        by_part = {part: learner.evaluate(part) for part in evaluate}
        seconds = time.perf_counter() - started
        for i, recipe in enumerate(recipes):
            if diverged[i]:
                continue
            evaluations = {part: each[i] for part, each in by_part.items()}
            try:
                require_finite(costs[i], first, plans[i].learning_rates)
                for evaluation in evaluations.values():
                    if not evaluation.finite:
                        rate, before = float(rates[i, -1]), tuple(costs[i].tolist())
                        raise DivergedError(done, rate, evaluation.cost, before)
            except DivergedError as end:
                diverged[i] = Diverged(
                    recipe, end.update, end.learning_rate, end.cost, histories[i], end.costs
                )
                continue
            histories[i].append(
                Epoch(
                    epoch=epoch + 1,
                    update=done,
                    training=evaluations.get("training"),
                    validation=evaluations.get("validation"),
                    learning_rates=tuple(rates[i].tolist()),
                    seconds=seconds,
                    costs=tuple(costs[i].tolist()),
                )
            )
        mark(learner, diverged)
        if save is not None:
            copies = [list(history) for history in histories]
            save(Checkpoint(epoch + 1, copies, list(diverged), learner.state()))
        if on_epoch is not None:
            last = [
                None if end else history[-1]
                for end, history in zip(diverged, histories, strict=True)
            ]
            on_epoch(last, plans[0].epochs)

    return finish(learner, recipes, network, histories, diverged)


def train_one(
    make: MakeLearner,
    recipe: Recipe,
    dataset: Dataset,
    *,
    folder: RunFolder | None = None,
    on_epoch: OnEpoch | None = None,
) -> Run:
    """Train one network from the start, or from the checkpoint in its folder.

    Arguments:
        make: creates the backend's learner.
        recipe: the network and how it is trained.
        dataset: in the recipe's dtype.
        folder: where each epoch is saved; None saves nothing.
        on_epoch: reports progress.

    Raises:
        DivergedError: the cost became NaN or infinite; the epochs before it are saved.
        UserError: the checkpoint in the folder belongs to another network.
    """
    start = None
    if folder is not None and (saved := folder.load_checkpoint()) is not None:
        history, state = saved
        network = recipe.network(dataset.training.X.shape[1], dataset.classes)
        require_state_of(network, state, folder)
        start = Checkpoint(len(history), [history], [None], [state])

    def save(checkpoint: Checkpoint) -> None:
        if folder is not None and checkpoint.diverged == [None]:
            folder.save_checkpoint(checkpoint.histories[0], checkpoint.states[0])

    def report(epochs: list[Epoch | None], total: int) -> None:
        if on_epoch is not None and epochs[0] is not None:
            on_epoch(epochs[0], total)

    [outcome] = train_stack(
        make, [recipe], dataset, start=start, save=save if folder else None, on_epoch=report
    )
    if isinstance(outcome, Diverged):
        raise DivergedError(outcome.update, outcome.learning_rate, outcome.cost, outcome.costs)
    return outcome


def mark(learner: Learner, diverged: Sequence[Diverged | None]) -> None:
    """Mark the diverged networks in the learner, which freezes them."""
    for i, end in enumerate(diverged):
        if end is not None:
            learner.diverged[i] = True


def finish(
    learner: Learner,
    recipes: Sequence[Recipe],
    network: Network,
    histories: Sequence[History],
    diverged: Sequence[Diverged | None],
) -> list[Run | Diverged]:
    """The result of every network; those that finished are evaluated on every part."""
    precise = recipes[0].precise_statistics
    if all(diverged):
        return [end for end in diverged if end is not None]
    if precise:
        learner.take_precise_statistics()
    alive = next(i for i, end in enumerate(diverged) if end is None)
    final: dict[Part, list[Evaluation]] = {}
    for part in PARTS:
        if precise or part == "test" or getattr(histories[alive][-1], part) is None:
            final[part] = learner.evaluate(part)
    states = learner.state()
    outcomes: list[Run | Diverged] = []
    for i, (recipe, end) in enumerate(zip(recipes, diverged, strict=True)):
        if end is not None:
            outcomes.append(end)
            continue
        last = histories[i][-1]
        ends = {part: final[part][i] if part in final else getattr(last, part) for part in PARTS}
        parameters = {name: states[i][name] for name in network.parameter_shapes}
        statistics = {name: states[i][name] for name in network.statistic_shapes}
        outcomes.append(Run(recipe, histories[i], ends, parameters, statistics))
    return outcomes


def require_memory(state: State, remembered: Iterable[str]) -> None:
    """Raise UserError if a state after the first update lacks the optimiser's memory."""
    missing = [name for name in remembered if "updates" in state and name not in state]
    if missing:
        raise UserError(
            f"the checkpoint lacks {missing[0]}, which the optimizer needs to continue; train anew"
        )


def require_state_of(network: Network, state: State, folder: RunFolder) -> None:
    """Raise UserError unless a checkpoint holds every tensor of the network in its shape."""
    for name, shape in (network.parameter_shapes | network.statistic_shapes).items():
        actual = state[name].shape if name in state else "missing"
        if actual != shape:
            raise UserError(
                f"{folder.path / 'checkpoint.safetensors'}: {name} is {actual}, but expected "
                f"{shape}; train anew"
            )


def require_finite(
    costs: Float[np.ndarray, " updates"], first: int, rates: Float[np.ndarray, " all"]
) -> None:
    """Raise DivergedError for the first cost that is NaN or infinite.

    Its learning rate is that of the previous update, which produced the failing parameters.

    Arguments:
        costs: of consecutive minibatches.
        first: number of updates before them.
        rates: learning rates of the whole training.
    """
    broken = np.flatnonzero(~np.isfinite(costs))
    if len(broken):
        t = first + int(broken[0]) + 1
        before, cost = costs[: broken[0]], float(costs[broken[0]])
        raise DivergedError(t, float(rates[max(t - 2, 0)]), cost, tuple(before.tolist()))
