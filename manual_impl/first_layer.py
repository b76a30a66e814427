"""The first layer of many networks that share their minibatches, updated once every K updates.

Nearly all the arithmetic of a small network on CIFAR-10 is in its first layer. With many networks
its weights no longer fit in the cache, so every pass over them is a pass over memory. Plain
gradient descent changes W1 only by multiples of itself and of the minibatches:

    W1 <- (1 - 2 eta lambda) W1 - eta G' X.

Within a block of K updates the stored weights can therefore stay as they are, and the missing
terms are added where W1 is used. LAPACK's blocked Householder transformations delay their updates
in the same way (Bischof and Van Loan 1987).

    W1 = c V, with one c for each network. The penalty only changes c <- (1 - 2 eta lambda) c.
    X_k W1' = c (X_k V' + sum over j < k of (X_k X_j') D_j), with V as it was at the start of the
        block. Update j adds D_j' X_j to V, where D_j = -(eta_j / c_j+1) G_j.
    ||a W1 - eta G' X||^2 = a^2 ||W1||^2 - 2 a eta sum(G * (X W1')) + eta^2 sum((G G') * (X X')),
        so the cost needs no pass over W1 either.

A block takes one product X V', one product X X' shared by all networks, and, at its end, one
product D' X that is added to V. The result differs from single updates only by rounding.
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

MIN_NETWORKS = 12
"""Minimum number of networks for which the shared product X X' costs less than it saves."""

MIN_NETWORKS_FOR_FOUR = 32
"""Minimum number of networks for which blocks of four updates are faster than blocks of two."""

MIN_DECAY = 0.1
"""Minimum of 1 - 2 eta lambda: c must not vanish within a block."""

MIN_SCALE = 1e-3
"""Minimum of c; below it c is multiplied into V."""


def block_length(
    network: Network,
    recipe: Recipe,
    penalty: Scalars,
    rates: Float[np.ndarray, "*networks updates"],
) -> int:
    """Updates in a block, or 0 if the first layer should be updated every time."""
    networks = np.size(penalty)
    decay = 1 - 2 * rates * np.asarray(penalty)[..., None]
    if recipe.optimizer != "sgd" or network.depth < 2 or networks < MIN_NETWORKS:
        return 0
    if not (decay.min() >= MIN_DECAY and decay.max() <= 1):
        return 0
    return 4 if networks >= MIN_NETWORKS_FOR_FOUR else 2


def passes_for(
    network: Network, recipe: Recipe, parameters: Parameters, penalty: Any, rates: np.ndarray
) -> Passes:
    """The passes of the coming updates, in blocks if that is possible and faster.

    Arguments:
        parameters: of one network, or of many along a leading axis; updated in place.
        penalty: lambda, or one for each network.
        rates: (*networks, updates), the learning rates of all coming updates.
    """
    if length := block_length(network, recipe, penalty, rates):
        return Blocks(network, recipe, parameters, penalty, length)
    return Passes(network, recipe, parameters, penalty)


class Blocks(Passes):
    """The passes of many networks, with the first layer in blocks.

    Arguments:
        parameters: {name: (networks, *shape)}; W1 must be C-contiguous, and holds V until
            `finish`.
        penalty: lambda of each network.
        length: updates in a block.
    """

    def __init__(
        self, network: Network, recipe: Recipe, parameters: Parameters, penalty: Any, length: int
    ) -> None:
        above = {name: value for name, value in parameters.items() if name != "W1"}
        super().__init__(network, recipe, above, penalty)
        self.layers, self.block = build(network)[1:], length
        self.first_penalty = 0 * penalty if "W1" in recipe.unpenalised else penalty
        self.W1 = parameters["W1"]
        self.V = self.W1.reshape(-1, network.inputs)  # (networks * m, d), a view
        self.c = np.ones(len(self.W1))
        self.W1_squared = squared_norm(self.W1).astype(float)  # (networks,), updated every step
        self.pending_rows = 0  # rows of D that are not in V yet
        self.gemm, self.syrk = get_blas_funcs(("gemm", "syrk"), dtype=self.V.dtype)

    def begin(self, X: Shaped[np.ndarray, "K n d"], y: Shaped[np.ndarray, "K n"]) -> None:
        if self.c.min() < MIN_SCALE:
            self.finish()
        K, n, d = X.shape
        self.X, self.y, self.n = X.reshape(K * n, d), y, n
        self.products = self.X @ self.V.T  # (K n, networks * m)
        self.gram = self.syrk(1.0, self.X.T, trans=1, lower=0).T  # (K n, K n), lower half
        self.D = np.empty_like(self.products)

    def forward(self, k: int, masks: Masks | None) -> Trace:
        start, n = k * self.n, self.n
        product = self.products[start : start + n]  # (n, networks * m)
        if k:
            product += self.gram[start : start + n, :start] @ self.D[:start]
        networks, m = len(self.c), self.W1.shape[1]
        self.X_W1 = product.reshape(n, networks, m).swapaxes(0, 1)  # (networks, n, m)
        self.X_W1 *= per_network(self.c, self.X_W1)
        s1 = self.X_W1 + self.trained["b1"][:, None, :]
        self.run = Pass(self.trained, None, masks, {"s1": s1})
        s = run_layers(self.layers, s1, self.run)
        other_squared = squared_norms(self.network.weights[1:], self.trained)
        penalties = self.penalty * (self.W1_squared + other_squared)
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
        """W1 <- decay W1 - eta G' X. The change of V is stored in D until the block ends."""
        rows = slice(k * self.n, (k + 1) * self.n)
        decay = 1 - 2 * eta * self.first_penalty  # (networks,)
        inner = np.einsum("bnm,bnm->b", G, self.X_W1).astype(float)  # of W1 and G' X
        gram = np.tril(self.gram[rows, rows])
        gram += np.tril(gram, -1).T  # (n, n)
        gradient_squared = np.einsum("bij,ij->b", G @ G.mT, gram).astype(float)
        self.W1_squared = (
            decay**2 * self.W1_squared - 2 * decay * eta * inner + eta**2 * gradient_squared
        )
        self.c *= decay
        D = self.D[rows].reshape(self.n, *G.shape[::2]).swapaxes(0, 1)  # (networks, n, m), a view
        np.multiply(G, per_network(-eta / self.c, G), out=D)
        self.pending_rows = rows.stop
        if self.pending_rows == len(self.X):
            self.end()

    def end(self) -> None:
        """Add the updates of the block to V in one product: V += D' X."""
        if self.pending_rows:
            D, X = self.D[: self.pending_rows], self.X[: self.pending_rows]
            # BLAS is column-major: V' += X' D
            self.gemm(1.0, X.T, D.T, beta=1.0, c=self.V.T, trans_b=1, overwrite_c=1)
        self.pending_rows = 0

    def first_weights(self, position: int) -> Parameters:
        W1 = self.W1[position].copy()
        if self.pending_rows:
            m = W1.shape[0]
            D = self.D[: self.pending_rows, position * m : (position + 1) * m]
            W1 += D.T @ self.X[: self.pending_rows]
        W1 *= self.c[position]
        return {"W1": W1}

    def finish(self) -> None:
        self.end()
        self.W1 *= per_network(self.c, self.W1)
        self.c = np.ones(len(self.c))
