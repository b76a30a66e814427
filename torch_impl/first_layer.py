"""The first layer in training: one update at a time, or in blocks of K updates.

Nearly all arithmetic of a small network on CIFAR-10 is in its first layer, and with many networks
each pass over their W1 is a pass over memory. By plain gradient descent W1 moves along the
minibatches alone,

    W1 <- (1 - 2 eta lambda) W1 - eta G' X,

so within a block of K updates it can stay as it was, while what it has missed is put in where it
is needed (delayed updates, as blocked Householder transformations in LAPACK have it: Bischof and
Van Loan 1987):

    W1 = c V, with a scalar c of each network: the penalty's decay is c <- (1 - 2 eta lambda) c.
    X_k W1' = c (X_k V' + sum over j < k of (X_k X_j') D_j), where V is that of the block's start
        and update j added D_j' X_j to it, D_j = -(eta_j / c_j+1) G_j.
    ||k W1 - eta G' X||^2 = k^2 ||W1||^2 - 2 k eta sum(G * (X W1')) + eta^2 sum((G G') * (X X')),
        so that the cost takes no pass over W1 either.

A block is one product X V', one product X X' that serves all networks, and one product D' X at its
end, which adds onto V. The result differs from single updates by rounding alone.
"""

import math
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from torch_impl.capture import Pull, differentiable
from torch_impl.layers import Tensors, product
from torch_impl.optimizers import Group, descend
from twingrad.recipe import Recipe

FEWEST = 4
"""Networks from which blocks are faster than single updates."""

LONG = 32
"""Networks from which blocks of four updates are faster than blocks of two, on a CPU."""

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
    if recipe.optimizer != "sgd" or not recipe.hidden or len(penalties) < FEWEST:
        return 1
    if not (LEAST_DECAY <= decay.min() and decay.max() <= 1):
        return 1
    if np.log(decay).sum(axis=0).min() < math.log(SMALLEST):
        return 1
    if device.type == "cuda":
        return 5
    return 4 if len(penalties) >= LONG else 2


class FirstLayer(Protocol):
    """What W1 makes of minibatch after minibatch, and its steps.

    `forward` and `step` may be compiled together with what lies between them.
    """

    at_once: int
    """Minibatches given at a time."""

    def begin(self, X: Tensor) -> None:
        """Takes up to `at_once` minibatches, (updates, ..., n, d)."""

    def inputs(self, k: int) -> tuple[Tensor, ...]:
        """What `forward` needs for minibatch k, from 0."""

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Any]:
        """X W1' (..., n, m), and what `step` needs to know of it."""

    def squares(self) -> Tensor:
        """||W1||^2 of each network."""

    def step(self, G: Tensor, known: Any, eta: Tensor, t: Tensor) -> Any:
        """One step, from G = d loss / d X W1'. Returns what `keep` is given."""

    def keep(self, k: int, made: Any) -> None:
        """After `step`, outside what is compiled."""

    def end(self) -> None:
        """After the last minibatch given: W1 is up to date, but for `finish`."""

    def finish(self) -> None:
        """After the last update: W1 is what it says."""


class OneByOne:
    """W1 by autograd and the recipe's optimiser, in every update."""

    at_once = 1

    def __init__(self, recipe: Recipe, group: Group, constants: Tensors) -> None:
        self.recipe, self.group, self.constants = recipe, group, constants

    def start(self) -> None:
        pass

    def begin(self, X: Tensor) -> None:
        self.X = X

    def inputs(self, k: int) -> tuple[Tensor, ...]:
        return (self.X[k],)

    def forward(self, X: Tensor) -> tuple[Tensor, Pull]:
        def linear(row: Tensor) -> tuple[Tensor, Tensor]:
            return product(X, self.group.views(row)["W1"]), row

        s, pull, _ = differentiable(linear, self.group.values)
        return s, pull

    def squares(self) -> Tensor:
        return torch.linalg.vector_norm(self.group.values, dim=-1).square()

    def step(self, G: Tensor, pull: Pull, eta: Tensor, t: Tensor) -> None:
        descend(self.recipe, self.group, pull(G)[0], self.constants, eta, t)

    def keep(self, k: int, made: None) -> None:
        pass

    def end(self) -> None:
        pass

    def finish(self) -> None:
        pass


class Blocks:
    """W1 = c V, with V moved at the end of each block.

    Arguments:
        group: W1 of many networks, moved in place as V.
        length: updates in a block.
    """

    def __init__(self, group: Group, length: int) -> None:
        self.at_once, self.group = length, group
        networks, _ = group.values.shape
        self.V = group.views(group.values)["W1"].flatten(0, 1)  # (networks * m, d)
        self.c = group.values.new_ones(networks)
        self.carried = group.values.new_zeros(networks)
        """||W1||^2 of each network."""

    def start(self) -> None:
        """Before the first update."""
        self.carried.copy_(torch.linalg.vector_norm(self.group.values, dim=-1).square())

    def begin(self, X: Tensor) -> None:
        self.X, self.n = X.flatten(0, 1), X.shape[1]  # (K n, d)
        self.products = self.X @ self.V.T  # (K n, networks * m)
        self.gram = self.X @ self.X.T  # (K n, K n)
        self.D = torch.empty_like(self.products)

    def inputs(self, k: int) -> tuple[Tensor, ...]:
        before, after = k * self.n, (k + 1) * self.n
        now = self.products[before:after]
        if k:
            now = torch.addmm(now, self.gram[before:after, :before], self.D[:before])
        return now, self.gram[before:after, before:after]

    def forward(self, now: Tensor, gram: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        linear = now.unflatten(1, (len(self.c), -1)).transpose(0, 1)  # (networks, n, m)
        linear = linear * self.c[:, None, None]
        return linear, (linear, gram)

    def squares(self) -> Tensor:
        return self.carried

    def step(self, G: Tensor, known: tuple[Tensor, Tensor], eta: Tensor, t: Tensor) -> Tensor:
        """W1 <- keep W1 - eta G' X, but for V, which waits for the end."""
        (linear, gram), eta = known, eta[:, 0]
        keep = 1 - eta * self.group.decay[:, 0]  # (networks,)
        along = (G * linear).sum((-2, -1))
        across = ((G @ G.mT) * gram).sum((-2, -1))
        self.carried.mul_(keep).sub_(2 * eta * along).mul_(keep).add_(eta.square() * across)
        self.c.mul_(keep)
        return (G * (-eta / self.c)[:, None, None]).transpose(0, 1).flatten(1)

    def keep(self, k: int, made: Tensor) -> None:
        self.D[k * self.n : (k + 1) * self.n] = made

    def end(self) -> None:
        """V += D' X: what the block's updates add, in one product."""
        self.V.addmm_(self.D.T, self.X)

    def finish(self) -> None:
        self.group.values.mul_(self.c[:, None])
        self.c.fill_(1)
