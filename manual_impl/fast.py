"""Updates near the speed of their matrix products, of one network or of many side by side.

The arithmetic is that of `manual_impl.layers`, which derives it; here it is arranged for speed,
and tested against it. Everything is written into buffers that are kept, and N networks that see
the same minibatch share what can be shared: the first layer is one product with all W1 below
each other.

G stands for -eta * d loss / d of the quantity at hand, so that every product with it is a step
that is added to a parameter as it is. The penalty's part of the step, -2 eta lambda W, is a
factor of W.
"""

import numpy as np
from jaxtyping import Float, Int

from manual_impl.fast_layers import Array, Hidden, Top
from twingrad.network import Network, Parameters, RunningStatistics


def quietly() -> np.errstate:
    """No warnings within: where a training diverges, its cost tells of it."""
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")


AT_ONCE = 4
"""Models whose steps of W1 are one product: more of it is shared, and it stays in the cache."""


class Workspace:
    """The buffers of N networks of one architecture on a minibatch of n samples.

    The parameters are the caller's, C-contiguous {name: (models, *shape)} in the workspace's
    dtype. For every run of updates: `begin`; for every update: `load`, `costs`, `descend`.

    Arguments:
        network: of every model.
        models: N.
        n: samples per minibatch.
        dtype: computed in, float32 or float64.
    """

    def __init__(self, network: Network, models: int, n: int, dtype: str) -> None:
        self.X = np.empty((n, network.inputs), dtype)
        self.hidden = [Hidden(network, l, models, n, dtype) for l in range(1, network.depth)]
        self.top = Top(network, models, n, dtype)
        at_once = min(models, AT_ONCE)
        self.steps = [np.empty((at_once, *network.parameter_shapes["W1"]), dtype)]
        for l in range(2, network.depth + 1):
            self.steps.append(np.empty((models, *network.parameter_shapes[f"W{l}"]), dtype))
        self.squares = np.zeros((network.depth, models))

    def begin(self, parameters: Parameters) -> None:
        """Takes in parameters that something else than `descend` has changed."""
        for l, squares in enumerate(self.squares, start=1):
            measure(parameters[f"W{l}"], squares)

    def load(
        self, X: Float[Array, "samples d"], y: Int[Array, " samples"], rows: Int[Array, " n"]
    ) -> None:
        """Gathers a minibatch; data of another dtype than the workspace's is converted."""
        if X.dtype == self.X.dtype:
            np.take(X, rows, axis=0, out=self.X, mode="clip")  # the other modes copy twice
        else:
            self.X[...] = X[rows]
        self.top.aim(y[rows])

    def costs(
        self, parameters: Parameters, penalty: Float[Array, " models"]
    ) -> Float[Array, " models"]:
        """The forward pass of the minibatch at hand.

        Arguments:
            penalty: lambda of each model.

        Returns:
            Cost of each model, float64.
        """
        x = self.X.T  # (d, n), then (N, m, n)
        for layer in self.hidden:
            x = layer.forward(x, parameters)
        return self.top.forward(x, parameters) + penalty * self.squares.sum(axis=0)

    def descend(
        self,
        parameters: Parameters,
        rates: Float[Array, " models"],
        penalty: Float[Array, " models"],
        first_penalty: Float[Array, " models"],
    ) -> None:
        """The backward pass after `costs`, and the update of every parameter in place.

        Arguments:
            rates: eta of each model; 0 leaves its parameters as they are, if they are finite.
            penalty: lambda of each model.
            first_penalty: the same, in the step of W1.
        """
        # float32 loses a decay below 6e-8: over 9000 updates that is 5e-4 of W at most
        decay = (1 - 2 * rates * penalty).astype(self.X.dtype)
        first_decay = (1 - 2 * rates * first_penalty).astype(self.X.dtype)
        G = self.top.backward(parameters, rates)  # (N, classes, n)
        for layer in reversed(self.hidden):
            l = layer.number + 1
            W, step = parameters[f"W{l}"], self.steps[l - 1]  # (N, out, in)
            np.matmul(G.transpose(0, 2, 1), W, out=layer.G_by_model)  # (N, n, in)
            np.matmul(G, layer.x_by_model, out=step)
            move(W, step, decay, self.squares[l - 1])
            G = layer.backward(parameters)  # (N, m, n)
        self._move_first(parameters["W1"], G, first_decay)

    def _move_first(self, W: Array, G: Array, decay: Array) -> None:
        """W1 (N, m, d) by G (N, m, n): for all models the same minibatch."""
        rows = G.reshape(-1, G.shape[2])  # (N * m, n)
        at_once, m, d = self.steps[0].shape
        for i in range(0, len(W), at_once):
            step = self.steps[0][: len(W) - i]
            np.matmul(rows[i * m : (i + at_once) * m], self.X, out=step.reshape(-1, d))
            move(W[i : i + at_once], step, decay[i:], self.squares[0, i:])

    @property
    def statistics(self) -> RunningStatistics:
        """mu and biased variance of s in the minibatch at hand, (models, m) each, not reused."""
        found: RunningStatistics = {}
        for layer in self.hidden:
            found |= layer.statistics
        return found


def measure(W: Float[Array, "models out in"], squares: Float[Array, " models"]) -> None:
    """Writes ||W||^2 of each model."""
    for i, W_i in enumerate(W):
        squares[i] = np.vdot(W_i, W_i)


def move(W: Array, step: Array, decay: Array, squares: Array) -> None:
    """W (models, out, in) decays and takes its step; writes ||W||^2 while it is in the cache."""
    for i, W_i in enumerate(W):
        W_i *= decay[i]
        W_i += step[i]
        squares[i] = np.vdot(W_i, W_i)
