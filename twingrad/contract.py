"""What `manual_impl` and `torch_impl` both offer, under the same names with the same meaning.

Either package is an `Implementation`: the harness takes two of them and asks for nothing else, so
a third, or a student's, can stand in for one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float, Int

from twingrad.dataset import Dataset
from twingrad.network import Network, Parameters, RunningStatistics
from twingrad.recipe import Recipe
from twingrad.run_folder import RunFolder
from twingrad.stacking import Diverged, OnStackEpoch, StackCheckpoint, StackedLearner
from twingrad.training import Learner, OnEpoch, Run


class Implementation(Protocol):
    """The twin's contract. It is given NumPy arrays, samples in rows, and may return tensors.

    Common arguments:
        network: gives names and shapes.
        parameters: of every name in `network.parameter_shapes`; their dtype is computed in.
        X: (n, d).
        y: (n,) classes from 0, int64.
        penalty: lambda of the cost, loss + lambda * sum ||W||^2.
    """

    def forward(
        self,
        network: Network,
        parameters: Parameters,
        X: Float[np.ndarray, "n d"],
        y: Int[np.ndarray, " n"],
        *,
        penalty: float,
        statistics: RunningStatistics | None = None,
    ) -> Mapping[str, Any]:
        """Every intermediate, in order of execution: s1, mu1, v1, s_hat1, s_tilde1, x1, ..., sk,
        p, then loss and cost.

        With `statistics` the running statistics stand in for those of the minibatch
        (evaluation), and nothing is changed.
        """
        ...

    def gradients(
        self,
        network: Network,
        parameters: Parameters,
        X: Float[np.ndarray, "n d"],
        y: Int[np.ndarray, " n"],
        *,
        penalty: float,
        upstream: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        """d cost / d of every parameter and of every intermediate, under the same names.

        With `upstream`, gradients by name, every layer is handed these as the gradient of its
        output in place of what the layer above computed (teacher forcing).

        p is not among them: the loss is computed from the last s, since the log of a
        probability that underflows is lost, so p feeds nothing.
        """
        ...

    def learner(
        self, recipe: Recipe, network: Network, dataset: Dataset, parameters: Parameters
    ) -> Learner:
        """A training at its start: of the recipe it takes dtype, penalty and alpha."""
        ...

    def train(
        self,
        recipe: Recipe,
        dataset: Dataset,
        *,
        folder: RunFolder | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> Run:
        """Minibatch gradient descent from the recipe's initial parameters, in its order."""
        ...

    def stacked_learner(
        self,
        recipes: Sequence[Recipe],
        network: Network,
        dataset: Dataset,
        parameters: Iterable[Parameters],
    ) -> StackedLearner:
        """Many trainings at their start, done side by side: each slice is what `learner` makes of
        its recipe and parameters, which are read one after another."""
        ...

    def train_stacked(
        self,
        recipes: Sequence[Recipe],
        dataset: Dataset,
        *,
        start: StackCheckpoint | None = None,
        save: Callable[[StackCheckpoint], None] | None = None,
        on_epoch: OnStackEpoch | None = None,
    ) -> list[Run | Diverged]:
        """What `train` makes of each recipe, or how it diverged, which disturbs no other.

        Arguments:
            recipes: of equal architecture, minibatch size and length.
            start, save, on_epoch: as in `run_stacked`.

        Raises:
            UserError: the recipes cannot be stacked; the message names the field that differs.
        """
        ...
