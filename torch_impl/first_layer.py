"""The first layer in training: one update after another, or in blocks of K updates.

`manual_impl.first_layer` derives the blocks: W1 = c V, where V moves at the end of a block. What it
misses within the block comes from the products X X', which all networks share.

A block is one product X V', the products X X' that serve all networks, and one product D' X at its
end, which adds onto V. The result differs from single updates by rounding alone.
"""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from torch_impl.layers import product
from torch_impl.optimizers import Group, Now, descend
from twingrad.recipe import Recipe

LENGTHS = {"cpu": {64: 4, 32: 2}, "cuda": {8: 5}}
"""How many updates make a block, by the least number of networks, on a device."""

LEAST_DECAY = 0.1
"""What 1 - 2 eta lambda must be at least: c must not vanish within a block."""

SMALLEST = 1e-12
"""What c may shrink to in an epoch; V grows by as much, and must not overflow in float32."""


def block_length(
    recipe: Recipe,
    penalties: Float[np.ndarray, " networks"],
    rates: Float[np.ndarray, "updates networks"],
    device: torch.device,
) -> int:
    """How many updates make a block; 1 where W1 should move in every update.

    Arguments:
        recipe: of all networks, which see the same minibatches.
        penalties: lambda of each network.
        rates: of the updates of an epoch.
        device: where they are done.
    """
    decay = 1 - 2 * rates * penalties
    if recipe.optimizer != "sgd" or not recipe.hidden:
        return 1
    if not (decay.min() >= LEAST_DECAY and decay.max() <= 1):
        return 1
    if np.log(decay).sum(axis=0).min() < math.log(SMALLEST):
        return 1
    lengths = LENGTHS[device.type].items()
    return next((length for fewest, length in lengths if len(penalties) >= fewest), 1)


class OneByOne:
    """W1 as all other parameters: its gradient by autograd, its step by the optimiser.

    `given`, `source`, ... `keep` are called for each minibatch in this order; what lies between
    `given` and `keep` may be compiled.
    """

    def __init__(self, recipe: Recipe, group: Group) -> None:
        self.recipe, self.group = recipe, group

    def start(self) -> None:
        """Before the first update of an epoch."""

    def begin(self, X: Tensor) -> None:
        """Takes the minibatches of a block, (updates, ..., n, d)."""

    def given(self, X: Tensor, k: int) -> tuple[Tensor, ...]:
        """What belongs to minibatch k of the block, from 0."""
        return (X[k],)

    def source(self, *given: Tensor) -> Tensor:
        """What the loss is differentiated by."""
        return self.group.values

    def linear(self, source: Tensor, *given: Tensor) -> Tensor:
        """X W1' (..., n, m), from the source."""
        return product(given[0], self.group.views(source)["W1"])

    def squares(self) -> Tensor:
        """||W1||^2 of each network."""
        return torch.linalg.vector_norm(self.group.values, dim=-1).square()

    def step(self, G: Tensor, source: Tensor, now: Now, *given: Tensor) -> Tensor | None:
        """One step, from the gradient by the source. Returns what `keep` takes."""
        descend(self.recipe, self.group, G, now)
        return None

    def keep(self, k: int, made: Tensor | None) -> None:
        """After the step of minibatch k."""

    def end(self) -> None:
        """After the last minibatch of a block."""

    def finish(self) -> None:
        """After the last update of an epoch: the group holds W1 again."""


class Straight(OneByOne):
    """W1 by plain gradient descent: X W1' is linear, so that the step, -eta G' X, is a product that
    adds onto W1, and its gradient is never stored."""

    def source(self, *given: Tensor) -> Tensor:
        """X W1' itself."""
        return super().linear(self.group.values, *given)

    def linear(self, source: Tensor, *given: Tensor) -> Tensor:
        return source

    def step(self, G: Tensor, source: Tensor, now: Now, *given: Tensor) -> Tensor | None:
        W1, X = self.group.views(self.group.values)["W1"], given[0]
        self.group.values.mul_(1 - now.eta * self.group.decay)
        D = now.eta[..., None] * G  # (..., n, m)
        if W1.dim() == 2:
            W1.addmm_(D.T, X, alpha=-1)
        elif X.dim() == 3:
            W1.baddbmm_(D.mT, X, alpha=-1)
        else:
            W1.flatten(0, 1).addmm_(D.transpose(0, 1).flatten(1).T, X, alpha=-1)
        return None


class Blocks(Straight):
    """W1 = c V, with V moved at the end of each block."""

    def start(self) -> None:
        values = self.group.values
        self.V = self.group.views(values)["W1"].flatten(0, 1)  # (networks * m, d)
        if not hasattr(self, "c"):
            self.c, self.carried = torch.ones_like(values[:, 0]), torch.empty_like(values[:, 0])
        self.carried.copy_(super().squares())

    def begin(self, X: Tensor) -> None:
        self.X, self.n = X.flatten(0, 1), X.shape[1]  # (K n, d)
        self.products = self.X @ self.V.T  # (K n, networks * m)
        self.D = torch.empty_like(self.products)

    def given(self, X: Tensor, k: int) -> tuple[Tensor, ...]:
        before, after = k * self.n, (k + 1) * self.n
        gram = self.X[before:after] @ self.X[:after].T  # (n, (k + 1) n), serves all networks
        now = self.products[before:after]
        if k:
            now = torch.addmm(now, gram[:, :before], self.D[:before])
        return now, gram[:, before:].contiguous()  # for the compiler, to which all k look alike

    def source(self, *given: Tensor) -> Tensor:
        """X W1' itself."""
        now = given[0].unflatten(1, (len(self.c), -1)).transpose(0, 1)  # (networks, n, m)
        return now * self.c[:, None, None]

    def squares(self) -> Tensor:
        return self.carried

    def step(self, G: Tensor, source: Tensor, now: Now, *given: Tensor) -> Tensor:
        """W1 <- keep W1 - eta G' X, but for V, which waits for the end: returns D."""
        eta = now.eta[:, 0]
        keep = 1 - eta * self.group.decay[:, 0]  # (networks,)
        along = (G * source).sum((-2, -1))
        across = ((G @ G.mT) * given[1]).sum((-2, -1))
        self.carried.mul_(keep).sub_(2 * eta * along).mul_(keep).add_(eta.square() * across)
        self.c.mul_(keep)
        return (G * (-eta / self.c)[:, None, None]).transpose(0, 1).flatten(1)

    def keep(self, k: int, made: Tensor | None) -> None:
        assert made is not None
        self.D[k * self.n : (k + 1) * self.n] = made

    def end(self) -> None:
        """V += D' X: what the block's updates add, in one product."""
        self.V.addmm_(self.D.T, self.X)

    def finish(self) -> None:
        self.group.values.mul_(self.c[:, None])
        self.c.fill_(1)
