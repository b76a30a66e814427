"""The layers of `manual_impl.fast`: those of `manual_impl.layers`, in buffers, for N models.

G stands for -eta * d loss / d of the quantity at hand.
"""

import numpy as np
from jaxtyping import Float, Int

from twingrad.network import Network, Parameters, RunningStatistics

Array = np.ndarray


class Hidden:
    """s = x W' + b, batch norm where the network has it, ReLU: one hidden layer of all models.

    The models' columns lie beside each other: all arrays here are (n, N * m).
    """

    def __init__(self, network: Network, number: int, models: int, n: int, dtype: str) -> None:
        shape = (n, models * network.widths[number])
        self.number, self.batch_norm, self.eps = number, network.batch_norm, network.eps
        self.s, self.G, self.scratch = (np.empty(shape, dtype) for _ in range(3))
        self.x = np.empty(shape, dtype) if network.batch_norm else self.s
        self.s_by_model, self.x_by_model, self.G_by_model = (
            columns.reshape(n, models, -1).transpose(1, 0, 2)
            for columns in (self.s, self.x, self.G)
        )  # (N, n, m), views
        self.positive = np.empty(shape, bool)
        self.zeros = np.zeros(shape, dtype)
        self.ones = np.ones(n, dtype)
        self.mean_of = self.ones / n  # a product with it is twice as fast as np.mean
        self.statistics: RunningStatistics = {}

    def forward(self, below: Array, parameters: Parameters) -> Array:
        """x as (N, m, n), from the input (d, n) that all share or the layer below (N, in, n)."""
        s, b = self.s, parameters[f"b{self.number}"]  # b (N, m)
        W = parameters[f"W{self.number}"]  # (N, m, in)
        if below.ndim == 2:
            np.matmul(below.T, W.reshape(-1, W.shape[2]).T, out=s)  # (n, N * m)
        else:
            np.matmul(below.transpose(0, 2, 1), W.transpose(0, 2, 1), out=self.s_by_model)
        if self.batch_norm:
            self._normalise(parameters, b)
        else:
            s += b.reshape(-1)
        np.maximum(self.x, self.zeros, out=self.x)  # NaN passes; a scalar 0 takes thrice as long
        return self.x_by_model.transpose(0, 2, 1)

    def _normalise(self, parameters: Parameters, b: Array) -> None:
        """s becomes s - mu, x becomes gamma s_hat + beta; s_hat itself is never needed.

        b would be taken out again with mu: it appears in the running mean alone.
        """
        l, s, t = self.number, self.s, self.scratch
        mu = self.mean_of @ s  # (N * m,)
        s -= mu
        np.multiply(s, s, out=t)
        v = self.mean_of @ t  # (N * m,)
        self.statistics = {f"mu{l}": mu.reshape(b.shape) + b, f"v{l}": v.reshape(b.shape)}
        self.inverse = 1 / np.sqrt(v + self.eps)  # (N * m,)
        self.slope = parameters[f"gamma{l}"].reshape(-1) * self.inverse  # (N * m,)
        np.multiply(s, self.slope, out=self.x)
        self.x += parameters[f"beta{l}"].reshape(-1)

    def backward(self, parameters: Parameters) -> Array:
        """From self.G of x to that of s, as (N, m, n); moves gamma, beta or b on the way."""
        l, G, t = self.number, self.G, self.scratch
        b = parameters[f"b{l}"]  # (N, m)
        np.greater(self.x, 0, out=self.positive)
        G *= self.positive
        total = self.ones @ G  # (N * m,)
        if self.batch_norm:
            # the three terms of BatchNorm.backward with s_hat = (s - mu) * inverse put in:
            # gamma inverse (G - mean(G) - (s - mu) inverse^2 mean(G (s - mu))). b does not move
            np.multiply(G, self.s, out=t)
            along = (self.ones @ t) * self.inverse  # (N * m,): sum of G s_hat
            np.multiply(self.s, along * self.inverse / len(G), out=t)
            t += total / len(G)
            G -= t
            G *= self.slope
            parameters[f"gamma{l}"] += along.reshape(b.shape)
            parameters[f"beta{l}"] += total.reshape(b.shape)
        else:
            b += total.reshape(b.shape)
        return self.G_by_model.transpose(0, 2, 1)


class Top:
    """The last affine layer, softmax and cross-entropy, with the classes as rows.

    The largest logit and the sum over the classes are then taken along whole rows of samples.
    """

    def __init__(self, network: Network, models: int, n: int, dtype: str) -> None:
        self.number, self.n = network.depth, n
        self.s = np.empty((models, network.classes, n), dtype)
        self.flat = self.s.reshape(models, -1)
        self.samples = np.arange(n)
        self.ones = np.ones(n, dtype)
        self.mean_of = self.ones / n
        self.at = self.samples

    def aim(self, y: Int[Array, " n"]) -> None:
        """The classes of the minibatch."""
        self.at = y * self.n + self.samples  # where s_y lies in a model's (classes, n)

    def forward(self, below: Array, parameters: Parameters) -> Float[Array, " models"]:
        """Losses, from x (N, in, n), or (in, n) that all share."""
        s, l = self.s, self.number
        np.matmul(parameters[f"W{l}"], below, out=s)  # (N, classes, n)
        s += parameters[f"b{l}"][:, :, None]
        s -= np.maximum.reduce(s, axis=1, keepdims=True)
        s_y = self.flat.take(self.at, axis=1)  # (N, n)
        np.exp(s, out=s)
        self.totals = np.add.reduce(s, axis=1)  # (N, n)
        return (np.log(self.totals) - s_y) @ self.mean_of

    def backward(self, parameters: Parameters, rates: Float[Array, " models"]) -> Array:
        """G of s, -eta (p - one-hot y) / n, (N, classes, n); moves b."""
        s = self.s
        s /= self.totals[:, None, :]
        self.flat[:, self.at] -= 1
        s *= (-rates / self.n).astype(s.dtype)[:, None, None]
        parameters[f"b{self.number}"] += s @ self.ones
        return s
