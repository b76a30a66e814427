"""Forward and backward passes over the minibatches of a training."""

from typing import Any

import numpy as np

from manual_impl.arrays import Scalars, add_scaled
from manual_impl.network import backward, forward
from twingrad.network import Gradients, Masks, Network, Parameters, Trace
from twingrad.recipe import Recipe


class Passes:
    """The passes of one network, or of many that are updated together, minibatch by minibatch.

    Arguments:
        parameters: of one network, or of many along a leading axis.
        penalty: lambda, or one for each network.
    """

    block = 1
    """Maximum number of minibatches in one call of `begin`; `forward` and `backward` then take
    them one at a time, by number."""

    def __init__(
        self, network: Network, recipe: Recipe, parameters: Parameters, penalty: Any
    ) -> None:
        self.network, self.recipe, self.penalty = network, recipe, penalty
        self.trained = parameters
        """The parameters that the optimiser updates."""

    def begin(self, X: np.ndarray, y: np.ndarray) -> None:
        """Set the next minibatches: X (updates, n, d), y (updates, n)."""
        self.X, self.y = X, y

    def forward(self, k: int, masks: Masks | None) -> Trace:
        """The trace of minibatch k, from 0."""
        self.masks = masks
        self.trace = forward(
            self.network, self.trained, self.X[k], self.y[k], penalty=self.penalty, masks=masks
        )
        return self.trace

    def backward(self, k: int, eta: Scalars) -> Gradients:
        """Gradients of the parameters in `trained`; eta is the learning rate of the coming step."""
        penalty = 0.0 if self.recipe.decoupled else self.penalty
        gradients = backward(
            self.network,
            self.trained,
            self.X[k],
            self.y[k],
            self.trace,
            penalty=penalty,
            masks=self.masks,
        )
        for name in self.recipe.unpenalised:
            add_scaled(gradients[name], -2 * penalty, self.trained[name])
        return gradients

    def first_weights(self, position: int) -> Parameters:
        """The current W1 of one network, if the parameters do not hold it."""
        return {}

    def finish(self) -> None:
        """After the last update: bring all parameters up to date."""
