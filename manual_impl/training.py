"""Minibatch descent in NumPy, of one network or of many side by side."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float

from manual_impl.arrays import Scalars, keep_freed_memory, transposed_is_faster
from manual_impl.augmentation import augment
from manual_impl.first_layer import passes_for
from manual_impl.layers import Pass, build, softmax_cross_entropy
from manual_impl.network import run_layers, squared_norms
from manual_impl.optimizers import Memory, constants_of, descend, memory_names
from manual_impl.passes import Passes
from twingrad.dataset import Dataset, Split
from twingrad.history import Evaluation, Part
from twingrad.minibatches import EpochInputs
from twingrad.network import Network, Parameters, RunningStatistics, Trace
from twingrad.recipe import Recipe
from twingrad.training import State, require_memory, train_one, train_stack

GROUP = 64
"""Networks updated at a time: many enough to share what an update costs besides its products, few
enough that their weights stay in the cache from one update to the next."""

CHUNK = 500
"""Samples evaluated at a time: few enough that the intermediates stay in the cache."""

Piece = int | slice
"""One network, or those that share their minibatches and are updated together."""


class ManualLearner:
    """Parameters, running statistics and optimiser of N trainings on the same data.

    Arguments:
        recipes: of one stack.
        network: what the parameters belong to.
        dataset: in the recipes' dtype, or a narrower one that each minibatch is widened from.
        parameters: to start from, of each network; copied one after another.
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
        self.pieces: list[Piece] = [slice(i, min(i + GROUP, len(recipes))) for i in starts]
        self.pieces = self.pieces or list(range(len(recipes)))
        self.gathered = np.empty((0, 0))
        """The rows of the minibatches at hand: written again and again, they stay in the cache."""
        self.restore(parameters)

    def __len__(self) -> int:
        return len(self.penalty)

    def restore(self, states: Iterable[State]) -> None:
        """Continues from the networks' states, read one after another; no network marked.

        A network that diverged before it had running statistics has none in its state.
        """
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
            for name, slots in (self.parameters | self.statistics | self.memory).items():
                slots[i] = state.get(name, 0)
            begun = bool(self.statistics) and self.statistics.keys() <= state.keys()
            self.updates = max(self.updates, int(state.get("updates", begun)))

    def _zeros(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Room for all networks, (networks, *shape), in the memory order that products like."""
        shared = name == "W1" and isinstance(self.pieces[0], slice)
        if len(shape) == 2 and transposed_is_faster() and not shared:
            return np.zeros((len(self), *shape[::-1]), self.recipe.dtype).mT
        return np.zeros((len(self), *shape), self.recipe.dtype)

    def state(self) -> list[State]:
        """Copies of every network's state."""
        copies = []
        for i in range(len(self)):
            chosen = self.frozen[i] if i in self.frozen else self._slot(i, self.updates)
            copies.append({name: np.array(value, order="C") for name, value in chosen.items()})
        return copies

    def _slot(self, i: int, updates: int) -> State:
        """Views of one network's state; without running statistics before the first update."""
        values = self.parameters | (self.statistics if updates else {}) | self.memory
        return {name: value[i] for name, value in values.items()} | {"updates": np.array(updates)}

    def run_epoch(self, inputs: EpochInputs) -> Float[np.ndarray, "networks updates"]:
        """Does the updates, of one piece of the stack after another."""
        costs = np.full(inputs.learning_rates.shape, np.nan)
        with quietly():
            for piece in self.pieces:
                of_piece = inputs.of(piece) if isinstance(piece, int) else inputs
                self._run_piece(piece, of_piece, costs)
        self.updates += inputs.learning_rates.shape[1]
        return costs

    def _run_piece(
        self,
        piece: Piece,
        inputs: EpochInputs,
        costs: Float[np.ndarray, "networks updates"],
    ) -> None:
        """An epoch of one piece: moves its state in place and writes its costs."""
        rates = inputs.learning_rates[piece if isinstance(piece, slice) else 0]
        parameters, statistics, memory = (
            {name: value[piece] for name, value in values.items()}
            for values in (self.parameters, self.statistics, self.memory)
        )
        penalty = scalar(self.penalty[piece])
        constants = {name: scalar(value[piece]) for name, value in self.constants.items()}
        passes = passes_for(self.network, self.recipe, parameters, penalty, rates)
        self._freeze(piece, self.updates, passes)
        for u, _ in enumerate(inputs.order):
            k = u % passes.at_once
            if k == 0:
                passes.begin(*self._minibatches(inputs, slice(u, u + passes.at_once)))
            masks = {name: mask[u] for name, mask in inputs.masks.items()} or None
            trace = passes.forward(k, masks)
            costs[piece, u] = trace["cost"]
            if not self._go_on(piece, u, costs, passes):
                break
            eta, t = scalar(rates[..., u]), self.updates + u + 1
            gradients = passes.backward(k, eta)
            descend(
                self.recipe,
                passes.moved,
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
        """X (updates, n, d) and y (updates, n); widened and augmented."""
        training, order = self.dataset.training, inputs.order[updates]
        rows = order.reshape(-1)
        if self.gathered.shape[0] != len(rows):
            self.gathered = np.empty((len(rows), training.X.shape[1]), training.X.dtype)
        np.take(training.X, rows, axis=0, out=self.gathered, mode="clip")  # others copy twice
        X = self.gathered.astype(self.recipe.dtype, copy=False).reshape(*order.shape, -1)
        if inputs.augmentation is not None:
            numbers = range(updates.start, updates.start + len(order))
            X = np.stack(
                [augment(x, inputs.augmentation, u) for x, u in zip(X, numbers, strict=True)]
            )
        return X, training.y[order]

    def _go_on(self, piece: Piece, u: int, costs: np.ndarray, passes: Passes) -> bool:
        """Freezes the networks whose cost at update u of the epoch is not finite.

        Returns whether any network of the piece is left.
        """
        if np.isfinite(costs[piece, u].sum()) and not self.frozen:
            return True
        costs[piece, u] = np.where(self.diverged[piece], np.nan, costs[piece, u])
        self.diverged[piece] |= ~np.isfinite(costs[piece, u])
        self._freeze(piece, self.updates + u, passes)
        return not self.diverged[piece].all()

    def _freeze(self, piece: Piece, updates: int, passes: Passes) -> None:
        """Keeps what the diverged networks are. Their slots go on, of no use and no harm."""
        for position, i in enumerate(np.atleast_1d(np.arange(len(self))[piece]).tolist()):
            if self.diverged[i] and i not in self.frozen:
                kept = self._slot(i, updates) | passes.first_weights(position)
                self.frozen[i] = {name: value.copy() for name, value in kept.items()}

    def evaluate(self, part: Part) -> list[Evaluation]:
        """Evaluates every network with its running statistics; NaN for one that has diverged.

        Raises:
            RuntimeError: with batch norm, before there are running statistics.
        """
        if self.statistics and not self.updates:
            raise RuntimeError("evaluation needs running statistics: train on a minibatch first")
        found: list[Evaluation] = []
        for piece in self.pieces:
            parameters = {name: value[piece] for name, value in self.parameters.items()}
            statistics = {name: value[piece] for name, value in self.statistics.items()}
            split, penalty = getattr(self.dataset, part), scalar(self.penalty[piece])
            with quietly():
                found += evaluate(self.network, parameters, statistics, split, penalty=penalty)
        nothing = Evaluation(np.nan, np.nan, np.nan)
        return [nothing if gone else one for gone, one in zip(self.diverged, found, strict=True)]

    def take_precise_statistics(self) -> None:
        """Replaces the running statistics by those of the whole training set, as one minibatch."""
        training = self.dataset.training
        X = training.X.astype(self.recipe.dtype, copy=False)
        for i in range(len(self)):
            parameters = {name: value[i] for name, value in self.parameters.items()}
            run = Pass(parameters)
            with quietly():
                run_layers(build(self.network), X, run)
            for name, value in self.statistics.items():
                value[i] = run.trace[name]


def update_statistics(
    statistics: RunningStatistics, trace: Trace, alpha: float, *, first: bool
) -> None:
    """Running mean and biased variance, in place: the first minibatch's at the first update.

    Arguments:
        alpha: weight of the old values.
        first: whether there are no old values yet.
    """
    for name, average in statistics.items():
        if first:
            average[...] = trace[name]
        else:
            average *= alpha
            average += (1 - alpha) * trace[name]


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
        split: what to evaluate; widened to the parameters' dtype.
        penalty: lambda, or that of each network.
        chunk: samples at a time.

    Returns:
        One evaluation for each network.
    """
    layers, dtype = build(network), parameters["b1"].dtype
    loss, correct = np.zeros(()), np.zeros((), int)  # or (networks,)
    for start in range(0, len(split), chunk):
        X, y = split.X[start : start + chunk], split.y[start : start + chunk]
        s = run_layers(layers, X.astype(dtype, copy=False), Pass(parameters, statistics))
        _, mean = softmax_cross_entropy(s, y, network.smoothing)
        loss = loss + mean.astype(float) * len(y)
        correct = correct + (s.argmax(axis=-1) == y).sum(axis=-1)
    loss, accuracy = loss / len(split), correct / len(split)
    cost = loss + penalty * squared_norms(network.weights, parameters)
    numbers = np.stack([cost, loss, accuracy], axis=-1).reshape(-1, 3)
    return [Evaluation(*each) for each in numbers.tolist()]


def scalar(values: Any) -> Scalars:
    """One network's value as a float, those of many as they are."""
    return float(values) if np.ndim(values) == 0 else values


def quietly() -> np.errstate:
    """No warnings within: where a training diverges, its cost tells of it."""
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")


train = partial(train_one, ManualLearner)
"""(recipe, dataset, *, folder=None, on_epoch=None): see `twingrad.training.train_one`."""

train_stacked = partial(train_stack, ManualLearner)
"""(recipes, dataset, *, start=None, ...): see `twingrad.training.train_stack`."""
