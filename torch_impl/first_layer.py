"""The first layer in training: updated every time, or once every K updates.

`manual_impl.first_layer` derives the blocks: W1 = c V, with V updated at the end of a block. Within
the block, the missing terms are computed from products X X', which all networks share.
"""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from torch_impl.layers import product
from torch_impl.optimizers import Group, StepInputs, descend
from twingrad.recipe import Recipe

LENGTHS = {"cpu": {64: 4, 32: 2}, "cuda": {8: 5}}
"""Updates in a block, by device and by minimum number of networks."""

MIN_DECAY = 0.1
"""Minimum of 1 - 2 eta lambda: c must not vanish within a block."""

MIN_SCALE = 1e-12
"""Minimum of c in an epoch: V grows by the inverse factor, and must not overflow in float32."""


def block_length(
    recipe: Recipe,
    penalties: Float[np.ndarray, " networks"],
    rates: Float[np.ndarray, "updates networks"],
    device: torch.device,
) -> int:
    """Updates in a block, or 1 if W1 should be updated every time.

    Arguments:
        recipe: of the networks, which share their minibatches.
        penalties: lambda of each network.
        rates: learning rates of an epoch.
        device: the device that trains.
    """
    decay = 1 - 2 * rates * penalties
    if recipe.optimizer != "sgd" or not recipe.hidden:
        return 1
    if not (decay.min() >= MIN_DECAY and decay.max() <= 1):
        return 1
    if np.log(decay).sum(axis=0).min() < math.log(MIN_SCALE):
        return 1
    lengths = LENGTHS[device.type].items()
    return next((length for minimum, length in lengths if len(penalties) >= minimum), 1)


class EveryUpdate:
    """W1 like all other parameters: its gradient by autograd, its step by the optimiser.

    The methods are called in the order in which they are defined: `start` and `finish` once in an
    epoch, `begin` and `end` once in a block, the others for each minibatch. The calls between
    `inputs` and `store` may be compiled.
    """

    def __init__(self, recipe: Recipe, group: Group) -> None:
        self.recipe, self.group = recipe, group

    def start(self) -> None:
        """Before the first update of an epoch."""

    def begin(self, X: Tensor) -> None:
        """Set the minibatches of a block, (updates, ..., n, d)."""

    def inputs(self, X: Tensor, k: int) -> tuple[Tensor, ...]:
        """The inputs of the following methods for minibatch k of the block, from 0."""
        return (X[k],)

    def source(self, *inputs: Tensor) -> Tensor:
        """The tensor with respect to which the loss is differentiated."""
        return self.group.values

    def linear(self, source: Tensor, *inputs: Tensor) -> Tensor:
        """X W1' (..., n, m), computed from the source."""
        return product(inputs[0], self.group.views(source)["W1"])

    def squares(self) -> Tensor:
        """||W1||^2 of each network."""
        return torch.linalg.vector_norm(self.group.values, dim=-1).square()

    def step(self, G: Tensor, source: Tensor, now: StepInputs, *inputs: Tensor) -> Tensor | None:
        """Update W1, given the gradient with respect to the source; return what `store` needs."""
        descend(self.recipe, self.group, G, now)
        return None

    def store(self, k: int, delayed: Tensor | None) -> None:
        """After the step of minibatch k: store its delayed update, if any."""

    def end(self) -> None:
        """After the last minibatch of a block."""

    def finish(self) -> None:
        """After the last update of an epoch: bring W1 in the group up to date."""


class FusedUpdate(EveryUpdate):
    """W1 by plain gradient descent: the loss is differentiated with respect to X W1', and the step
    -eta G' X is added to W1 in one fused product, so the gradient of W1 is never stored."""

    def source(self, *inputs: Tensor) -> Tensor:
        """X W1'."""
        return super().linear(self.group.values, *inputs)

    def linear(self, source: Tensor, *inputs: Tensor) -> Tensor:
        return source

    def step(self, G: Tensor, source: Tensor, now: StepInputs, *inputs: Tensor) -> Tensor | None:
        W1, X = self.group.views(self.group.values)["W1"], inputs[0]
        self.group.values.mul_(1 - now.eta * self.group.decay)
        D = now.eta[..., None] * G  # (..., n, m)
        if W1.dim() == 2:
            W1.addmm_(D.T, X, alpha=-1)
        elif X.dim() == 3:
            W1.baddbmm_(D.mT, X, alpha=-1)
        else:
            W1.flatten(0, 1).addmm_(D.transpose(0, 1).flatten(1).T, X, alpha=-1)
        return None


class Blocks(FusedUpdate):
    """W1 = c V, with V updated at the end of each block."""

    def start(self) -> None:
        values = self.group.values
        self.V = self.group.views(values)["W1"].flatten(0, 1)  # (networks * m, d)
        if not hasattr(self, "c"):
            self.c, self.W1_squared = torch.ones_like(values[:, 0]), torch.empty_like(values[:, 0])
        self.W1_squared.copy_(super().squares())

    def begin(self, X: Tensor) -> None:
        self.X, self.n = X.flatten(0, 1), X.shape[1]  # (K n, d)
        self.products = self.X @ self.V.T  # (K n, networks * m)
        self.D = torch.empty_like(self.products)

    def inputs(self, X: Tensor, k: int) -> tuple[Tensor, ...]:
        start, stop = k * self.n, (k + 1) * self.n
        gram = self.X[start:stop] @ self.X[:stop].T  # (n, (k + 1) n), shared by all networks
        X_V = self.products[start:stop]
        if k:
            X_V = torch.addmm(X_V, gram[:, :start], self.D[:start])
        # contiguous: the same strides for every k, so that the compiler sees one case
        return X_V, gram[:, start:].contiguous()

    def source(self, *inputs: Tensor) -> Tensor:
        """X W1'."""
        X_V = inputs[0].unflatten(1, (len(self.c), -1)).transpose(0, 1)  # (networks, n, m)
        return X_V * self.c[:, None, None]

    def squares(self) -> Tensor:
        return self.W1_squared

    def step(self, G: Tensor, source: Tensor, now: StepInputs, *inputs: Tensor) -> Tensor:
        """W1 <- decay W1 - eta G' X. Returns D, which `end` adds to V."""
        eta = now.eta[:, 0]
        decay = 1 - eta * self.group.decay[:, 0]  # (networks,)
        inner = (G * source).sum((-2, -1))  # of W1 and G' X
        gradient_squared = ((G @ G.mT) * inputs[1]).sum((-2, -1))
        self.W1_squared.mul_(decay).sub_(2 * eta * inner).mul_(decay)
        self.W1_squared.add_(eta.square() * gradient_squared)
        self.c.mul_(decay)
        return (G * (-eta / self.c)[:, None, None]).transpose(0, 1).flatten(1)

    def store(self, k: int, delayed: Tensor | None) -> None:
        assert delayed is not None
        self.D[k * self.n : (k + 1) * self.n] = delayed

    def end(self) -> None:
        """Add the updates of the block to V in one product: V += D' X."""
        self.V.addmm_(self.D.T, self.X)

    def finish(self) -> None:
        self.group.values.mul_(self.c[:, None])
        self.c.fill_(1)
