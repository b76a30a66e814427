"""Minibatch gradient descent in NumPy, for one network or many side by side."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float

from manual_impl.arrays import Scalars, transposed_is_faster
from manual_impl.augmentation import augment
from manual_impl.first_layer import passes_for
from manual_impl.layers import Pass, build
from manual_impl.losses import loss_of
from manual_impl.network import run_layers, squared_norms
from manual_impl.optimizers import Memory, constants_of, descend, memory_names
from manual_impl.passes import Passes
from twingrad.allocation import keep_freed_memory
from twingrad.dataset import Dataset, Split
from twingrad.history import Evaluation, Part
from twingrad.minibatches import EpochInputs
from twingrad.network import Network, Parameters, RunningStatistics, Trace
from twingrad.recipe import Recipe
from twingrad.training import State, require_memory, train_one, train_stack

GROUP = 64
"""Networks updated at a time: enough to share the overhead of an update, few enough that their
weights stay in the cache from one update to the next."""

CHUNK = 500
"""Samples evaluated at a time: few enough that the intermediates stay in the cache."""

Group = int | slice
"""One network, or several that share their minibatches and are updated together."""


class ManualLearner:
    """Parameters, running statistics and optimiser of N trainings on the same data.

    Arguments:
        recipes: of one stack.
        network: the architecture of all of them.
        dataset: in the recipes' dtype, or in a narrower one from which each minibatch is converted.
        parameters: initial values of each network, read one network at a time and copied.
    """

    def __init__(
        self,
        recipes: Sequence[Recipe],
        network: Network,
        dataset: Dataset,
        parameters: Iterable[Parameters],
    ) -> None:
        keep_freed_memory()
        self.recipe, self.network, self.dataset = recipes[0], network, dataset
        self.penalty = np.array([recipe.penalty for recipe in recipes])  # (networks,)
        self.constants = constants_of(recipes)
        shared = len({recipe.draws for recipe in recipes}) == 1 and len(recipes) > 1
        starts = range(0, len(recipes), GROUP) if shared else ()
        self.groups: list[Group] = [slice(i, min(i + GROUP, len(recipes))) for i in starts]
        self.groups = self.groups or list(range(len(recipes)))
        self.rows_buffer = np.empty((0, 0))
        """The samples of the current minibatches; reused, so that it stays in the cache."""
        self.restore(parameters)

    def __len__(self) -> int:
        return len(self.penalty)

    def restore(self, states: Iterable[State]) -> None:
        """Continue from the networks' states, read one at a time; no network is marked."""
        # the state of a network that diverged at its first update has no running statistics
        names = memory_names(self.recipe.optimizer, list(self.network.parameter_shapes))
        shapes = self.network.parameter_shapes
        self.parameters = {name: self._zeros(name, shape) for name, shape in shapes.items()}
        self.memory: Memory = {
            name: self._zeros(kind, shapes[kind]) for name in names for kind in [name.split(".")[1]]
        }
        self.statistics = {
            name: self._zeros(name, shape) for name, shape in self.network.statistic_shapes.items()
        }
        self.updates = 0
        self.diverged = np.zeros(len(self), dtype=bool)
        self.frozen: dict[int, State] = {}
        for i, state in zip(range(len(self)), states, strict=True):
            require_memory(state, self.memory)
            for name, values in (self.parameters | self.statistics | self.memory).items():
                values[i] = state.get(name, 0)
            started = bool(self.statistics) and self.statistics.keys() <= state.keys()
            self.updates = max(self.updates, int(state.get("updates", started)))

    def _zeros(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Zeros for all networks, (networks, *shape), in the faster memory layout for products."""
        shared = name == "W1" and isinstance(self.groups[0], slice)
        if len(shape) == 2 and transposed_is_faster() and not shared:
            return np.zeros((len(self), *shape[::-1]), self.recipe.dtype).mT
        return np.zeros((len(self), *shape), self.recipe.dtype)

    def state(self) -> list[State]:
        """Copies of every network's state."""
        copies = []
        for i in range(len(self)):
            state = self.frozen[i] if i in self.frozen else self._state_of(i, self.updates)
            copies.append({name: np.array(value, order="C") for name, value in state.items()})
        return copies

    def _state_of(self, i: int, updates: int) -> State:
        """Views of one network's state, without running statistics before the first update."""
        values = self.parameters | (self.statistics if updates else {}) | self.memory
        return {name: value[i] for name, value in values.items()} | {"updates": np.array(updates)}

    def run_epoch(self, inputs: EpochInputs) -> Float[np.ndarray, "networks updates"]:
        """Run the updates of an epoch, one group of networks after another."""
        costs = np.full(inputs.learning_rates.shape, np.nan)
        with no_warnings():
            for group in self.groups:
                group_inputs = inputs.of(group) if isinstance(group, int) else inputs
                self._run_group(group, group_inputs, costs)
        self.updates += inputs.learning_rates.shape[1]
        return costs

    def _run_group(
        self,
        group: Group,
        inputs: EpochInputs,
        costs: Float[np.ndarray, "networks updates"],
    ) -> None:
        """Run one epoch of a group: update its state in place and write its costs."""
        rates = inputs.learning_rates[group if isinstance(group, slice) else 0]
        parameters, statistics, memory = (
            {name: value[group] for name, value in values.items()}
            for values in (self.parameters, self.statistics, self.memory)
        )
        penalty = scalar(self.penalty[group])
        constants = {name: scalar(value[group]) for name, value in self.constants.items()}
        passes = passes_for(self.network, self.recipe, parameters, penalty, rates)
        self._freeze(group, self.updates, passes)
        for u, _ in enumerate(inputs.order):
            k = u % passes.block
            if k == 0:
                passes.begin(*self._minibatches(inputs, slice(u, u + passes.block)))
            masks = {name: mask[u] for name, mask in inputs.masks.items()} or None
            trace = passes.forward(k, masks)
            costs[group, u] = trace["cost"]
            if not self._freeze_diverged(group, u, costs, passes):
                break
            eta, t = scalar(rates[..., u]), self.updates + u + 1
            gradients = passes.backward(k, eta)
            descend(
                self.recipe,
                passes.trained,
                gradients,
                memory,
                constants,
                penalty=penalty,
                eta=eta,
                t=t,
            )
            update_statistics(statistics, trace, self.recipe.alpha, first=t == 1)
        passes.finish()

    def _minibatches(self, inputs: EpochInputs, updates: slice) -> tuple[np.ndarray, np.ndarray]:
        """X (updates, n, d) and y (updates, n), in the recipe's dtype and augmented."""
        training, order = self.dataset.training, inputs.order[updates]
        rows = order.reshape(-1)
        if self.rows_buffer.shape[0] != len(rows):
            self.rows_buffer = np.empty((len(rows), training.X.shape[1]), training.X.dtype)
        # mode="raise", the default, would copy twice
        np.take(training.X, rows, axis=0, out=self.rows_buffer, mode="clip")
        X = self.rows_buffer.astype(self.recipe.dtype, copy=False).reshape(*order.shape, -1)
        if inputs.augmentation is not None:
            numbers = range(updates.start, updates.start + len(order))
            X = np.stack(
                [augment(x, inputs.augmentation, u) for x, u in zip(X, numbers, strict=True)]
            )
        return X, training.y[order]

    def _freeze_diverged(self, group: Group, u: int, costs: np.ndarray, passes: Passes) -> bool:
        """Freeze the networks whose cost at update u is not finite; return whether any is left."""
        if np.isfinite(costs[group, u].sum()) and not self.frozen:
            return True
        costs[group, u] = np.where(self.diverged[group], np.nan, costs[group, u])
        self.diverged[group] |= ~np.isfinite(costs[group, u])
        self._freeze(group, self.updates + u, passes)
        return not self.diverged[group].all()

    def _freeze(self, group: Group, updates: int, passes: Passes) -> None:
        """Copy the state of newly diverged networks; later updates of theirs are ignored."""
        for position, i in enumerate(np.atleast_1d(np.arange(len(self))[group]).tolist()):
            if self.diverged[i] and i not in self.frozen:
                state = self._state_of(i, updates) | passes.first_weights(position)
                self.frozen[i] = {name: value.copy() for name, value in state.items()}

    def evaluate(self, part: Part) -> list[Evaluation]:
        """Evaluate every network with its running statistics; NaN for a diverged network.

        Raises:
            RuntimeError: the network has batch norm but no running statistics yet.
        """
        if self.statistics and not self.updates:
            raise RuntimeError("evaluation needs running statistics: train on a minibatch first")
        evaluations: list[Evaluation] = []
        for group in self.groups:
            parameters = {name: value[group] for name, value in self.parameters.items()}
            statistics = {name: value[group] for name, value in self.statistics.items()}
            split, penalty = getattr(self.dataset, part), scalar(self.penalty[group])
            with no_warnings():
                evaluations += evaluate(
                    self.network, parameters, statistics, split, penalty=penalty
                )
        for i in np.flatnonzero(self.diverged):
            evaluations[i] = Evaluation(np.nan, np.nan, np.nan)
        return evaluations

    def take_precise_statistics(self) -> None:
        """Replace the running statistics by those of the training set as a single minibatch."""
        training = self.dataset.training
        X = training.X.astype(self.recipe.dtype, copy=False)
        for i in range(len(self)):
            parameters = {name: value[i] for name, value in self.parameters.items()}
            run = Pass(parameters)
            with no_warnings():
                run_layers(build(self.network), X, run)
            for name, value in self.statistics.items():
                value[i] = run.trace[name]


def update_statistics(
    statistics: RunningStatistics, trace: Trace, alpha: float, *, first: bool
) -> None:
    """Update the running mean and biased variance in place.

    Arguments:
        alpha: weight of the old values.
        first: whether this is the first minibatch, whose statistics are taken as they are.
    """
    for name, running in statistics.items():
        if first:
            running[...] = trace[name]
        else:
            running *= alpha
            running += (1 - alpha) * trace[name]


def evaluate(
    network: Network,
    parameters: Parameters,
    statistics: RunningStatistics,
    split: Split,
    *,
    penalty: Scalars,
    chunk: int = CHUNK,
) -> list[Evaluation]:
    """Cost, loss and accuracy with the running statistics, a chunk of samples at a time.

    Arguments:
        parameters, statistics: of one network, or of many along a leading axis; not changed.
        split: the samples; converted to the parameters' dtype.
        penalty: lambda, or one for each network.
        chunk: samples at a time.

    Returns:
        One evaluation for each network.
    """
    layers, dtype = build(network), parameters["b1"].dtype
    loss, correct = np.zeros(()), np.zeros((), int)  # or (networks,)
    for start in range(0, len(split), chunk):
        X, y = split.X[start : start + chunk], split.y[start : start + chunk]
        s = run_layers(layers, X.astype(dtype, copy=False), Pass(parameters, statistics))
        _, mean = loss_of(network).forward(s, y)
        loss = loss + mean.astype(float) * len(y)
        correct = correct + (s.argmax(axis=-1) == y).sum(axis=-1)
    loss, accuracy = loss / len(split), correct / len(split)
    cost = loss + penalty * squared_norms(network.weights, parameters)
    numbers = np.stack([cost, loss, accuracy], axis=-1).reshape(-1, 3)
    return [Evaluation(*each) for each in numbers.tolist()]


def scalar(values: Any) -> Scalars:
    """The value of one network as a float; an array of many unchanged."""
    return float(values) if np.ndim(values) == 0 else values


def no_warnings() -> np.errstate:
    """Suppress floating-point warnings: divergence shows in the cost."""
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")


train = partial(train_one, ManualLearner)
"""(recipe, dataset, *, folder=None, on_epoch=None): see `twingrad.training.train_one`."""

train_stacked = partial(train_stack, ManualLearner)
"""(recipes, dataset, *, start=None, ...): see `twingrad.training.train_stack`."""
