"""N networks of one architecture trained as one program, on the CPU or a GPU.

Their penalties, learning rates, initial parameters and seeds differ; their minibatches are one
for all or each model's own. Every slice equals its own training by `TorchLearner`: the models'
costs do not mix, so autograd of their sum gives each its own gradient.
"""

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from torch_impl.course import Course, Repeated
from torch_impl.fast import statistic_size, statistic_views
from torch_impl.layers import Tensors
from torch_impl.learner import CPU, on_device
from torch_impl.stacked_layers import (
    evaluate_stacked,
    first_affine,
    stacked_descend,
    stacked_losses,
    stacked_squares,
)
from torch_impl.training import arithmetic, find_device
from twingrad.dataset import Dataset
from twingrad.history import Evaluation, Part
from twingrad.network import Network, Parameters
from twingrad.recipe import Recipe
from twingrad.stackable import require_stackable
from twingrad.stacking import (
    Diverged,
    OnStackEpoch,
    StackCheckpoint,
    initial_parameters,
    run_stacked,
)
from twingrad.training import Run

OWN_AT_ONCE = 8
"""Models updated at a time on a CPU where each has its own minibatch, which is 1.2 MB and shared
with nobody. It keeps memory small; all at once would be somewhat faster."""

EVALUATION_SAMPLES = {"cpu": 8_000, "cuda": 250_000}
"""Samples times models evaluated at a time: few enough for the cache, or to take about as
much of a GPU's memory as the models do."""


class StackedTorchLearner:
    """N networks in the middle of their trainings, all on one device.

    Arguments:
        recipes: of each its penalty; architecture, dtype, batch size and alpha are the same.
        network: what the parameters belong to.
        dataset: in the recipes' dtype, or a narrower one that each minibatch is widened from.
        parameters: to start from, of each model; copied one after another.
        device: where everything is computed.

    Raises:
        UserError: the recipes cannot be stacked.
    """

    def __init__(
        self,
        recipes: Sequence[Recipe],
        network: Network,
        dataset: Dataset,
        parameters: Iterable[Parameters],
        device: torch.device = CPU,
    ) -> None:
        require_stackable(recipes)
        self.recipes, self.network, self.device = list(recipes), network, device
        self.dtype: torch.dtype = getattr(torch, recipes[0].dtype)
        self.data = on_device(dataset, device)
        models, place = len(recipes), {"dtype": self.dtype, "device": device}
        self.diverged = np.zeros(models, dtype=bool)
        """Which are frozen; a model's first cost that is not finite marks it, or the caller."""
        self.frozen = torch.zeros(models, dtype=torch.bool, device=device)
        self.parameters: Tensors = {
            name: torch.zeros((models, *shape), **place)
            for name, shape in network.parameter_shapes.items()
        }
        self.averages = torch.zeros((models, statistic_size(network)), **place)
        self.statistics = statistic_views(network, self.averages)
        self.penalties = torch.tensor([recipe.penalty for recipe in recipes], **place)
        penalised = [not recipe.unpenalised_first_layer for recipe in recipes]
        self.first_penalties = self.penalties * torch.tensor(penalised, device=device)
        self.share = torch.ones((), **place)
        """Of the new statistics in the running ones: 1 at the first update, then 1 - alpha."""
        self.course: Course | None = None
        self.started = False
        self.restore(parameters)

    def run_epoch(
        self, order: Int[np.ndarray, "..."], learning_rates: Float[np.ndarray, "models updates"]
    ) -> Float[np.ndarray, "models updates"]:
        """Does the updates; nothing waits for the device before the end.

        Arguments:
            order: (updates, batch) shared by all, or (models, updates, batch) each its own.
            learning_rates: of each model.

        Returns:
            The cost of each minibatch before its update; from a model's first cost that is not
            finite on, that cost and then NaN.
        """
        updates = order.shape[-2]
        order = order if order.ndim == 2 else order.swapaxes(0, 1)  # (updates, models, batch)
        if self.course is None or not self.course.holds(order):
            models, row = len(self.recipes), order.shape[1:]
            own = len(row) == 2 and self.device.type == "cpu"
            at_once = min(models, OWN_AT_ONCE) if own else models
            self.parts = [slice(i, min(i + at_once, models)) for i in range(0, models, at_once)]
            X, y = self.data["training"]
            samples = row[-1] if len(row) == 1 else at_once * row[-1]
            self.X, self.y = X.new_empty(samples, X.shape[1]), y.new_empty(samples)
            self.course = Course(updates, row, (models,), self.dtype, self.device)
            self.repeated = Repeated(self.device)
        self.course.begin(order, learning_rates.T)
        self.frozen.copy_(torch.from_numpy(self.diverged))
        for _ in range(updates):
            self.repeated(self._step)
            self._start()
        self.diverged[:] = self.frozen.cpu().numpy()
        # a copy: the next epoch writes into the same buffer
        costs = self.course.costs[:updates].double().cpu().numpy().T.copy()
        return np.ascontiguousarray(costs)

    def _step(self) -> None:
        """An update of every model."""
        assert self.course is not None
        rows, rates = self.course.now()
        costs = [
            self._update(part, rows if rows.dim() == 1 else rows[part], rates[part])
            for part in self.parts
        ]
        self.course.record(torch.cat(costs))

    def _update(self, part: slice, rows: Tensor, rates: Tensor) -> Float[Tensor, " models"]:
        """An update of some models; the cost of each before it, NaN of one that is frozen."""
        X, y = self.data["training"]
        X = torch.index_select(X, 0, rows.view(-1), out=self.X[: rows.numel()])
        y = torch.index_select(y, 0, rows.view(-1), out=self.y[: rows.numel()])
        X, y = X.to(self.dtype).view(*rows.shape, -1), y.view(rows.shape)
        parameters = {name: value[part] for name, value in self.parameters.items()}
        above = {name: value.detach().requires_grad_() for name, value in parameters.items()}
        s1 = first_affine(X, above.pop("W1"), above.pop("b1")).detach().requires_grad_()
        losses, statistics = stacked_losses(self.network, above, s1, y)
        gradients = torch.autograd.grad(losses.sum(), [s1, *above.values()])
        with torch.no_grad():
            frozen, penalties = self.frozen[part], self.penalties[part]
            costs = losses + penalties * stacked_squares(self.network, parameters)
            said = costs.masked_fill(frozen, torch.nan)
            frozen.logical_or_(costs.isfinite().logical_not_())
            stacked_descend(
                parameters,
                X,
                gradients,
                penalties=penalties,
                first_penalties=self.first_penalties[part],
                learning_rates=rates,
                diverged=frozen,
            )
            if self.statistics:
                averages = self.averages[part]
                # not lerp: where both are infinite it would make NaN of them
                moved = averages * (1 - self.share) + statistics * self.share
                averages.copy_(torch.where(frozen[:, None], averages, moved))
        return said

    def _start(self) -> None:
        """After the first minibatch: from now on old statistics count."""
        if not self.started:
            self.share.fill_(1 - self.recipes[0].alpha)
            self.started = True

    def evaluate(self, part: Part) -> list[Evaluation]:
        """Cost, loss and accuracy of one part by each model; NaN of one that has diverged.

        Raises:
            RuntimeError: with batch norm, before there are running statistics.
        """
        if not self.started:
            raise RuntimeError("evaluation needs running statistics: train on a minibatch first")
        found = evaluate_stacked(
            self.network,
            self.parameters | self.statistics,
            *self.data[part],
            penalties=self.penalties,
            chunk=max(100, EVALUATION_SAMPLES[self.device.type] // len(self.recipes)),
        )
        nothing = Evaluation(math.nan, math.nan, math.nan)
        return [
            nothing if broken else one for broken, one in zip(self.diverged, found, strict=True)
        ]

    def state(self) -> list[dict[str, np.ndarray]]:
        """Copies of each model's parameters and, after the first minibatch, running statistics."""
        tensors = self.parameters | (self.statistics if self.started else {})
        values = {name: value.detach().cpu().numpy() for name, value in tensors.items()}
        return [
            {name: value[i].copy() for name, value in values.items()}
            for i in range(len(self.recipes))
        ]

    def restore(self, states: Iterable[dict[str, np.ndarray]]) -> None:
        """Continues from what `state` returned; no model counts as diverged.

        Arguments:
            states: of each model, read one after another, so that no two need be in memory. All
                have running statistics, or none has.
        """
        self.started = True
        for i, state in zip(range(len(self.recipes)), states, strict=True):
            for name, slots in (self.parameters | self.statistics).items():
                if name in state:
                    slots[i].copy_(torch.from_numpy(state[name]))
                else:
                    self.started = False
        self.share.fill_(1 - self.recipes[0].alpha if self.started else 1)
        if not self.started:
            self.averages.zero_()
        self.diverged[:] = False


def stacked_learner(
    recipes: Sequence[Recipe],
    network: Network,
    dataset: Dataset,
    parameters: Iterable[Parameters],
    device: str = "cpu",
) -> StackedTorchLearner:
    """N trainings at their start, on a device by name; see `StackedTorchLearner`.

    Raises:
        UserError: the recipes cannot be stacked, or no such device.
    """
    return StackedTorchLearner(recipes, network, dataset, parameters, find_device(device))


def train_stacked(
    recipes: Sequence[Recipe],
    dataset: Dataset,
    *,
    start: StackCheckpoint | None = None,
    save: Callable[[StackCheckpoint], None] | None = None,
    on_epoch: OnStackEpoch | None = None,
    device: str = "cpu",
    deterministic: bool = False,
    tf32: bool = False,
) -> list[Run | Diverged]:
    """Trains the recipes' networks side by side, each as `train` would.

    Arguments:
        recipes: of equal architecture, minibatch size and length.
        dataset: in the recipes' dtype; copied to the device once.
        start, save, on_epoch: as in `run_stacked`.
        device, deterministic, tf32: as in `train`.

    Returns:
        For every recipe its run, or how it diverged.

    Raises:
        UserError: the recipes cannot be stacked, or no such device.
    """
    require_stackable(recipes)
    network = recipes[0].network(dataset.training.X.shape[1], dataset.classes)
    with arithmetic(deterministic=deterministic, tf32=tf32):
        starts = initial_parameters(network, recipes)
        learner = stacked_learner(recipes, network, dataset, starts, device)
        return run_stacked(
            learner, recipes, network, dataset, start=start, save=save, on_epoch=on_epoch
        )
