"""Forward and backward pass of the minibatches that a training takes."""

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
        penalty: lambda, or that of each network.
    """

    at_once = 1
    """How many minibatches `begin` takes at most; the passes then ask for each by its number."""

    def __init__(
        self, network: Network, recipe: Recipe, parameters: Parameters, penalty: Any
    ) -> None:
        self.network, self.recipe, self.penalty = network, recipe, penalty
        self.moved = parameters
        """What the optimiser moves."""

    def begin(self, X: np.ndarray, y: np.ndarray) -> None:
        """Takes the next minibatches: X (updates, n, d), y (updates, n)."""
        self.X, self.y = X, y

    def forward(self, k: int, masks: Masks | None) -> Trace:
        """The trace of minibatch k, from 0."""
        self.masks = masks
        self.trace = forward(
            self.network, self.moved, self.X[k], self.y[k], penalty=self.penalty, masks=masks
        )
        return self.trace

    def backward(self, k: int, eta: Scalars) -> Gradients:
        """The gradients of what the optimiser moves; eta is the rate that it will use."""
        penalty = 0.0 if self.recipe.decoupled else self.penalty
        gradients = backward(
            self.network,
            self.moved,
            self.X[k],
            self.y[k],
            self.trace,
            penalty=penalty,
            masks=self.masks,
        )
        for name in self.recipe.unpenalised:
            add_scaled(gradients[name], -2 * penalty, self.moved[name])
        return gradients

    def first_weights(self, position: int) -> Parameters:
        """W1 of one network as it is now, where the parameters do not hold it."""
        return {}

    def finish(self) -> None:
        """After the last update: makes the parameters hold everything again."""
