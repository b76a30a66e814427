"""The first layer of many networks that share their minibatches, moved once in K updates.

Nearly all arithmetic of a small network on CIFAR-10 is in its first layer, and with many networks
its weights no longer fit the cache: each pass over them is a pass over memory. By plain gradient
descent W1 moves along the minibatches alone,

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

from typing import Any

import numpy as np
from jaxtyping import Float, Shaped
from scipy.linalg.blas import get_blas_funcs

from manual_impl.arrays import Scalars, per_network, squared_norm
from manual_impl.layers import Pass, build
from manual_impl.network import (
    add_penalty,
    finish_trace,
    run_layers,
    run_layers_back,
    squared_norms,
)
from manual_impl.passes import Passes
from twingrad.network import Gradients, Masks, Network, Parameters, Trace
from twingrad.recipe import Recipe

FEWEST = 12
"""Networks from which the shared product X X' costs less than it saves."""

LONG = 32
"""Networks from which blocks of four updates are faster than blocks of two."""

LEAST_DECAY = 0.1
"""What 1 - 2 eta lambda must be at least: c must not vanish within a block."""

SMALLEST = 1e-3
"""What c may shrink to before it is multiplied into V."""


def block_length(
    network: Network,
    recipe: Recipe,
    penalty: Scalars,
    rates: Float[np.ndarray, "*networks updates"],
) -> int:
    """How many updates make a block; 0 where the first layer should move in every update."""
    networks = np.size(penalty)
    decay = 1 - 2 * rates * np.asarray(penalty)[..., None]
    if recipe.optimizer != "sgd" or network.depth < 2 or networks < FEWEST:
        return 0
    if not (decay.min() >= LEAST_DECAY and decay.max() <= 1):
        return 0
    return 4 if networks >= LONG else 2


def passes_for(
    network: Network, recipe: Recipe, parameters: Parameters, penalty: Any, rates: np.ndarray
) -> Passes:
    """In blocks where the arithmetic allows it and it pays, else one by one.

    Arguments:
        parameters: of one network, or of many along a leading axis; moved in place.
        penalty: lambda, or that of each network.
        rates: (*networks, updates), of all the updates that follow.
    """
    if length := block_length(network, recipe, penalty, rates):
        return Blocks(network, recipe, parameters, penalty, length)
    return Passes(network, recipe, parameters, penalty)


class Blocks(Passes):
    """The passes of many networks, their first layer in blocks.

    Arguments:
        parameters: {name: (networks, *shape)}; W1 C-contiguous, moved in place as V.
        penalty: lambda of each network.
        length: updates in a block.
    """

    def __init__(
        self, network: Network, recipe: Recipe, parameters: Parameters, penalty: Any, length: int
    ) -> None:
        above = {name: value for name, value in parameters.items() if name != "W1"}
        super().__init__(network, recipe, above, penalty)
        self.layers, self.at_once = build(network)[1:], length
        self.first_penalty = 0 * penalty if "W1" in recipe.unpenalised else penalty
        self.W1 = parameters["W1"]
        self.V = self.W1.reshape(-1, network.inputs)  # (networks * m, d), a view
        self.c = np.ones(len(self.W1))
        self.squares = squared_norm(self.W1).astype(float)  # (networks,), carried along
        self.used = 0
        self.gemm, self.syrk = get_blas_funcs(("gemm", "syrk"), dtype=self.V.dtype)

    def begin(self, X: Shaped[np.ndarray, "K n d"], y: Shaped[np.ndarray, "K n"]) -> None:
        if self.c.min() < SMALLEST:
            self.finish()
        K, n, d = X.shape
        self.X, self.y, self.n = X.reshape(K * n, d), y, n
        self.products = self.X @ self.V.T  # (K n, networks * m)
        self.gram = self.syrk(1.0, self.X.T, trans=1, lower=0).T  # (K n, K n), its lower half
        self.D = np.empty_like(self.products)

    def forward(self, k: int, masks: Masks | None) -> Trace:
        before, n = k * self.n, self.n
        now = self.products[before : before + n]  # (n, networks * m)
        if k:
            now += self.gram[before : before + n, :before] @ self.D[:before]
        networks, m = len(self.c), self.W1.shape[1]
        self.linear = now.reshape(n, networks, m).swapaxes(0, 1)  # (networks, n, m)
        self.linear *= per_network(self.c, self.linear)
        s1 = self.linear + self.moved["b1"][:, None, :]
        self.run = Pass(self.moved, None, masks, {"s1": s1})
        s = run_layers(self.layers, s1, self.run)
        above = squared_norms(self.network.weights[1:], self.moved)
        penalties = self.penalty * (self.squares + above)
        finish_trace(self.network, s, self.y[k], self.run.trace, penalties)
        return self.run.trace

    def backward(self, k: int, eta: Any) -> Gradients:
        run = self.run
        G = run_layers_back(self.network, self.layers, run.trace["s1"], self.y[k], run)  # (n, m)
        run.gradients["b1"] = G.sum(axis=-2)
        if not self.recipe.decoupled:
            weights = set(self.network.weights[1:]) - set(self.recipe.unpenalised)
            add_penalty(sorted(weights), run, self.penalty)
        self._descend(k, G, eta)
        return run.gradients

    def _descend(self, k: int, G: np.ndarray, eta: Float[np.ndarray, " networks"]) -> None:
        """W1 <- keep W1 - eta G' X, but for V, which waits for the block's end."""
        rows = slice(k * self.n, (k + 1) * self.n)
        keep = 1 - 2 * eta * self.first_penalty  # (networks,)
        along = np.einsum("bnm,bnm->b", G, self.linear).astype(float)
        gram = np.tril(self.gram[rows, rows])
        gram += np.tril(gram, -1).T  # (n, n)
        across = np.einsum("bij,ij->b", G @ G.mT, gram).astype(float)
        self.squares = keep**2 * self.squares - 2 * keep * eta * along + eta**2 * across
        self.c *= keep
        D = self.D[rows].reshape(self.n, *G.shape[::2]).swapaxes(0, 1)  # (networks, n, m), a view
        np.multiply(G, per_network(-eta / self.c, G), out=D)
        self.used = rows.stop
        if self.used == len(self.X):
            self.end()

    def end(self) -> None:
        """V += D' X: what the block's updates add, in one product."""
        if self.used:
            D, X = self.D[: self.used], self.X[: self.used]
            # BLAS sees rows as columns: V' += X' D
            self.gemm(1.0, X.T, D.T, beta=1.0, c=self.V.T, trans_b=1, overwrite_c=1)
        self.used = 0

    def first_weights(self, position: int) -> Parameters:
        W1 = self.W1[position].copy()
        if self.used:
            m = W1.shape[0]
            D = self.D[: self.used, position * m : (position + 1) * m]
            W1 += D.T @ self.X[: self.used]
        W1 *= self.c[position]
        return {"W1": W1}

    def finish(self) -> None:
        self.end()
        self.W1 *= per_network(self.c, self.W1)
        self.c = np.ones(len(self.c))
