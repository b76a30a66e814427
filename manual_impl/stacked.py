"""Many networks of one architecture trained at once in NumPy."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from jaxtyping import Float, Int

from manual_impl.fast import Workspace, quietly
from manual_impl.folded import evaluate_folded
from manual_impl.training import first_penalties, update_statistics
from twingrad.dataset import Dataset
from twingrad.history import Evaluation, Part
from twingrad.network import Network, Parameters, RunningStatistics
from twingrad.recipe import Recipe
from twingrad.stacking import (
    Diverged,
    OnStackEpoch,
    StackCheckpoint,
    initial_parameters,
    require_stackable,
    run_stacked,
)
from twingrad.training import Run

GROUP = 16
"""Models side by side: many enough to share what an update costs besides its products, few
enough that their weights stay in the cache from one update to the next."""


def train_stacked(
    recipes: Sequence[Recipe],
    dataset: Dataset,
    *,
    start: StackCheckpoint | None = None,
    save: Callable[[StackCheckpoint], None] | None = None,
    on_epoch: OnStackEpoch | None = None,
) -> list[Run | Diverged]:
    """Trains the recipes' networks on the CPU, each as `train` would.

    Arguments:
        recipes: of equal architecture, minibatch size and length.
        dataset: in the recipes' dtype.
        start, save, on_epoch: as in `run_stacked`.

    Returns:
        For every recipe its run, or how it diverged.

    Raises:
        UserError: the recipes cannot be stacked; the message names the field that differs.
    """
    require_stackable(recipes)
    network = recipes[0].network(dataset.training.X.shape[1], dataset.classes)
    learner = ManualStackedLearner(recipes, network, dataset, initial_parameters(network, recipes))
    return run_stacked(
        learner, recipes, network, dataset, start=start, save=save, on_epoch=on_epoch
    )


class ManualStackedLearner:
    """Parameters and running statistics of N trainings on the same data.

    Arguments:
        recipes: dtype, alpha and penalties.
        network: what the parameters belong to.
        dataset: in the recipes' dtype, or a narrower one that each minibatch is widened from.
        parameters: of each model, to start from; copied one after another.
    """

    def __init__(
        self,
        recipes: Sequence[Recipe],
        network: Network,
        dataset: Dataset,
        parameters: Iterable[Parameters],
    ) -> None:
        self.recipe, self.network, self.dataset = recipes[0], network, dataset
        self.penalty = np.array([recipe.penalty for recipe in recipes])  # (models,)
        self.first_penalty = first_penalties(recipes)
        self.restore(parameters)

    def restore(self, states: Iterable[dict[str, np.ndarray]]) -> None:
        """Continues from the models' states, read one after another; no model marked.

        A model that diverged before it had running statistics has none in its state.
        """
        self.diverged = np.zeros(len(self), dtype=bool)
        self.frozen: dict[int, dict[str, np.ndarray]] = {}
        self.parameters = self._zeros(self.network.parameter_shapes)
        self.statistics: RunningStatistics = {}
        for i, state in zip(range(len(self)), states, strict=True):
            if not self.statistics and "mu1" in state:
                self.statistics = self._zeros(self.network.statistic_shapes)
            for name, slots in (self.parameters | self.statistics).items():
                slots[i] = state.get(name, 0)

    def _zeros(self, shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
        """{name: (models, *shape)}."""
        return {
            name: np.zeros((len(self), *shape), self.recipe.dtype) for name, shape in shapes.items()
        }

    def state(self) -> list[dict[str, np.ndarray]]:
        """Copies of every model's parameters and running statistics."""
        values = self.parameters | self.statistics
        slots = [{name: value[i] for name, value in values.items()} for i in range(len(self))]
        chosen = [self.frozen.get(i, slot) for i, slot in enumerate(slots)]
        return [{name: value.copy() for name, value in each.items()} for each in chosen]

    def __len__(self) -> int:
        return len(self.penalty)

    def run_epoch(
        self,
        order: Int[np.ndarray, "*models updates batch"],
        learning_rates: Float[np.ndarray, "models updates"],
    ) -> Float[np.ndarray, "models updates"]:
        """Does the updates, one group of models that share their minibatches after another."""
        shared = order.ndim == 2
        size = GROUP if shared else 1
        costs = np.full(learning_rates.shape, np.nan)
        updated: dict[str, list[np.ndarray]] = {name: [] for name in self.network.statistic_shapes}
        with quietly():
            for first in range(0, len(self), size):
                group = range(first, min(first + size, len(self)))
                rows = order if shared else order[first]
                statistics = self._run_group(group, rows, learning_rates, costs)
                for name, value in statistics.items():
                    updated[name].append(value)
        self.statistics = {name: np.concatenate(parts) for name, parts in updated.items() if parts}
        return costs

    def _run_group(
        self,
        group: range,
        order: Int[np.ndarray, "updates batch"],
        learning_rates: Float[np.ndarray, "models updates"],
        costs: Float[np.ndarray, "models updates"],
    ) -> RunningStatistics:
        """An epoch of a few models: writes their costs, returns their running statistics."""
        here = slice(group.start, group.stop)
        parameters = {name: value[here] for name, value in self.parameters.items()}
        statistics = {name: value[here].copy() for name, value in self.statistics.items()}
        training, penalty, diverged = self.dataset.training, self.penalty[here], self.diverged[here]
        self._freeze(group, diverged, parameters | statistics)
        if diverged.all():
            order = order[:1]  # one update, so that there are statistics
        workspace = Workspace(self.network, len(group), self.recipe.batch_size, self.recipe.dtype)
        workspace.begin(parameters)
        for u, rows in enumerate(order):
            workspace.load(training.X, training.y, rows)
            found = workspace.costs(parameters, penalty)
            costs[here, u] = np.where(diverged, np.nan, found)
            finite = np.isfinite(found)
            if not finite.all():
                diverged |= ~finite
                self._freeze(group, diverged, parameters | statistics)
            workspace.descend(
                parameters, learning_rates[here, u], penalty, self.first_penalty[here]
            )
            update_statistics(self.network, statistics, workspace.statistics, self.recipe.alpha)
        return statistics

    def _freeze(self, group: range, diverged: np.ndarray, values: dict[str, np.ndarray]) -> None:
        """Keeps what the marked models are. Their slots go on, no use to anyone and no harm."""
        for i in np.flatnonzero(diverged):
            if group[i] not in self.frozen:
                self.frozen[group[i]] = {name: value[i].copy() for name, value in values.items()}

    def evaluate(self, part: Part) -> list[Evaluation]:
        """Of every model, with its running statistics; NaN for one that has diverged."""
        split, found = getattr(self.dataset, part), []
        for first in range(0, len(self), GROUP):
            here = slice(first, first + GROUP)
            parameters = {name: value[here] for name, value in self.parameters.items()}
            statistics = {name: value[here] for name, value in self.statistics.items()}
            with quietly():
                found += evaluate_folded(
                    self.network, parameters, statistics, split, self.penalty[here]
                )
        nothing = Evaluation(np.nan, np.nan, np.nan)
        return [nothing if gone else one for gone, one in zip(self.diverged, found, strict=True)]
