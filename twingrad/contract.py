"""What `manual_impl` and `torch_impl` both offer, under the same names with the same meaning.

Either package is an `Implementation`: the harness takes two of them and asks for nothing else, so
a third, or a student's, can stand in for one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from jaxtyping import Bool, Float, Int

from twingrad.dataset import Dataset
from twingrad.history import Part
from twingrad.network import Network, Parameters, RunningStatistics
from twingrad.recipe import Recipe
from twingrad.run_folder import RunFolder
from twingrad.training import (
    EVERY_EPOCH,
    Checkpoint,
    Diverged,
    Learner,
    OnEpoch,
    OnStackEpoch,
    Run,
)


class Implementation(Protocol):
    """The twin's contract. It is given NumPy arrays, samples in rows, and may return tensors.

    Common arguments:
        network: gives names and shapes.
        parameters: of every name in `network.parameter_shapes`; their dtype is computed in.
            Leading axes, where there are any, are networks: W1 (networks, out, in).
        X: (n, d), or (networks, n, d) where each network has its own.
        y: classes from 0, int64, with the axes of X but the last.
        penalty: lambda of the cost, loss + lambda * sum ||W||^2; or one of each network.
        masks: of dropout, mask1 (n, width), ...: True keeps a unit, which is then divided by the
            probability of being kept. Without masks nothing is dropped (evaluation).
    """

    def forward(
        self,
        network: Network,
        parameters: Parameters,
        X: Float[np.ndarray, "*networks n d"],
        y: Int[np.ndarray, "*networks n"],
        *,
        penalty: float | Float[np.ndarray, " networks"],
        statistics: RunningStatistics | None = None,
        masks: Mapping[str, Bool[np.ndarray, "*networks n width"]] | None = None,
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
        X: Float[np.ndarray, "*networks n d"],
        y: Int[np.ndarray, "*networks n"],
        *,
        penalty: float | Float[np.ndarray, " networks"],
        masks: Mapping[str, Bool[np.ndarray, "*networks n width"]] | None = None,
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
        self,
        recipes: Sequence[Recipe],
        network: Network,
        dataset: Dataset,
        parameters: Iterable[Parameters],
    ) -> Learner:
        """Trainings at their start, side by side: of one recipe, or of many that can be stacked.

        Arguments:
            recipes: of equal architecture, minibatch size and length.
            dataset: in the recipes' dtype, or a narrower one that each minibatch is widened from.
            parameters: of each network, read one after another and copied.
        """
        ...

    def train(
        self,
        recipe: Recipe,
        dataset: Dataset,
        *,
        folder: RunFolder | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> Run:
        """Minibatch descent from the recipe's initial parameters, in its order."""
        ...

    def train_stacked(
        self,
        recipes: Sequence[Recipe],
        dataset: Dataset,
        *,
        start: Checkpoint | None = None,
        save: Callable[[Checkpoint], None] | None = None,
        on_epoch: OnStackEpoch | None = None,
        evaluate: Sequence[Part] = EVERY_EPOCH,
    ) -> list[Run | Diverged]:
        """What `train` makes of each recipe, or how it diverged, which disturbs no other.

        Arguments:
            recipes: of equal architecture, minibatch size and length.
            start, save, on_epoch, evaluate: as in `twingrad.training.train_stack`.

        Raises:
            UserError: the recipes cannot be stacked; the message names the field that differs.
        """
        ...
