"""The interface that `manual_impl` and `torch_impl` both implement.

Each package is an `Implementation`. The harness uses nothing but this interface, so a third
implementation can take the place of either.
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
    """One implementation of the network. It takes NumPy arrays, and may return tensors.

    Common arguments:
        network: defines names and shapes.
        parameters: one for every name in `network.parameter_shapes`, all of one dtype, which is
            used throughout. Leading axes, if any, are networks: W1 (networks, out, in).
        X: samples in rows, (n, d), or (networks, n, d) if each network has its own.
        y: classes from 0, int64, with the axes of X except the last.
        penalty: lambda in cost = loss + lambda * sum ||W||^2, or one for each network.
        masks: dropout masks, mask1 (n, width), ...: True keeps a unit, which is then divided by
            the probability of being kept. None drops nothing (evaluation).
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

        `statistics`, if given, are running statistics used instead of the batch statistics
        (evaluation); they are not changed.
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
        """Gradients of the cost with respect to every parameter and intermediate, by name.

        `upstream`, if given, holds a gradient for every layer's output, used instead of the
        gradient computed by the layer above (teacher forcing).

        There is no gradient for p: the loss is computed from the logits, because p may underflow
        to 0, so nothing depends on p.
        """
        ...

    def learner(
        self,
        recipes: Sequence[Recipe],
        network: Network,
        dataset: Dataset,
        parameters: Iterable[Parameters],
    ) -> Learner:
        """A learner at the start of its training, for one recipe or many that can be stacked.

        Arguments:
            recipes: of equal architecture, minibatch size and length.
            dataset: in the recipes' dtype, or in a narrower one from which each minibatch is
                converted.
            parameters: initial values of each network, read one network at a time and copied.
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
        """Train one network; see `twingrad.training.train_one`."""
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
        """Train networks side by side; see `twingrad.training.train_stack`.

        Each result is as if its network had been trained alone: one that diverges does not affect
        the others.
        """
        ...
