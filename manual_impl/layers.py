"""Every layer: its forward pass and, directly below, its backward pass derived by hand.

G is the gradient of the cost with respect to the quantity under discussion. The loss is a mean
over the n samples, so G contains the factor 1/n from the start and no layer divides again.
Samples are rows: row i of G belongs to sample i. Leading axes, if any, are networks, each with
its own parameters; (n, m) in a comment means (..., n, m).

The same code checks, trains and evaluates one network or many. The forward passes also run in
complex128 for complex-step differentiation, so they use no abs and no conjugate, and compare
real parts only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from scipy.special import ndtr

from manual_impl.arrays import product, sigmoid, sum_over, weight_gradient
from twingrad.layers import Layer as LayerSpec
from twingrad.network import Gradients, Masks, Network, Parameters, RunningStatistics, Trace

Array = np.ndarray


@dataclass
class Pass:
    """Inputs and outputs of the layers during one forward and backward pass, by name.

    Arguments:
        parameters: of the network.
        statistics: running statistics, used instead of the batch statistics (evaluation).
        masks: dropout masks; None drops nothing (evaluation).
        trace: intermediates computed so far.
        gradients: gradients computed so far.
    """

    parameters: Parameters
    statistics: RunningStatistics | None = None
    masks: Masks | None = None
    trace: Trace = field(default_factory=dict)
    gradients: Gradients = field(default_factory=dict)


class Layer(Protocol):
    """One layer of a network. `output` is the name of its output."""

    output: str

    def __init__(self, spec: LayerSpec, network: Network) -> None: ...

    def forward(self, x: Array, run: Pass) -> None:
        """Add everything computed from the input x (n, in) to the trace, the output last."""

    def backward(self, x: Array, run: Pass) -> Array | None:
        """Add the gradients of the layer's parameters and intermediates to `run.gradients`, which
        already holds the gradient of its output.

        Returns d cost / d x (n, in), or None if nothing needs it.
        """


class Affine:
    """s = x W' + b."""

    def __init__(self, spec: LayerSpec, network: Network) -> None:
        self.W, self.b, self.output = spec.name("W"), spec.name("b"), spec.output
        self.first = spec.input == "X"

    def forward(self, x: Array, run: Pass) -> None:
        W, b = run.parameters[self.W], run.parameters[self.b]
        s = product(x, W)  # x W', (n, out)
        s += b[..., None, :]
        run.trace[self.output] = s

    def backward(self, x: Array, run: Pass) -> Array | None:
        W, G = run.parameters[self.W], run.gradients[self.output]  # (out, in), (n, out)
        # s_ij = sum_k x_ik W_jk + b_j, so d s_ij / d W_jk = x_ik and d s_ij / d b_j = 1 for every i
        run.gradients[self.W] = weight_gradient(G, x, W)  # G' x, (out, in)
        run.gradients[self.b] = sum_over(-2, G)  # (out,)
        # d s_ij / d x_ik = W_jk for every j
        return None if self.first else G @ W  # (n, in)


class BatchNorm:
    """s_hat = (s - mu) / sqrt(v + eps), s_tilde = gamma * s_hat + beta (Ioffe and Szegedy 2015).

    mu and v are the mean and the biased variance over the minibatch, or the running statistics if
    given. If batch norm follows the activation, its input is x instead of s.
    """

    axis = -2
    """The axis that mu and v are computed over: the samples."""
    spread: tuple[Any, ...] = (..., None, slice(None))
    """Index that broadcasts mu and v along that axis: mu[spread] is (1, m)."""

    def __init__(self, spec: LayerSpec, network: Network) -> None:
        self.eps = network.eps
        self.gamma, self.beta = spec.name("gamma"), spec.name("beta")
        self.mu, self.v, self.s_hat, self.output = spec.intermediates

    def forward(self, s: Array, run: Pass) -> None:
        n, axis = s.shape[self.axis], self.axis
        if run.statistics is None or self.mu not in run.statistics:
            mu = sum_over(axis, s) / n  # (m,)
            centred = s - mu[self.spread]  # (n, m)
            v = sum_over(axis, centred * centred) / n  # (m,)
        else:
            mu, v = run.statistics[self.mu], run.statistics[self.v]
            centred = s - mu[self.spread]  # (n, m)
        s_hat = centred
        s_hat /= np.sqrt(v + self.eps)[self.spread]  # (n, m)
        run.trace[self.mu], run.trace[self.v], run.trace[self.s_hat] = mu, v, s_hat
        s_tilde = run.parameters[self.gamma][..., None, :] * s_hat  # (n, m)
        s_tilde += run.parameters[self.beta][..., None, :]
        run.trace[self.output] = s_tilde

    def backward(self, s: Array, run: Pass) -> Array:
        n = s.shape[self.axis]
        G, s_hat = run.gradients[self.output], run.trace[self.s_hat]  # (n, m)
        variance = run.trace[self.v] + self.eps  # (m,)
        root = np.sqrt(variance)  # (m,)
        # s_tilde_ij = gamma_j s_hat_ij + beta_j: all samples i share gamma_j and beta_j
        run.gradients[self.gamma] = sum_over(-2, G * s_hat)  # (m,)
        run.gradients[self.beta] = sum_over(-2, G)  # (m,)
        run.gradients[self.s_hat] = G_hat = G * run.parameters[self.gamma][..., None, :]  # (n, m)
        total, along = self.sums(G_hat, s_hat, run)  # (m,): sums of G_hat and of G_hat s_hat
        # d s_hat / d v = -1/2 (s - mu) (v + eps)^(-3/2) = -1/2 s_hat / (v + eps); all samples
        # share v
        run.gradients[self.v] = -0.5 * along / variance  # (m,)
        # d s_hat / d mu = -1 / root. v depends on mu too, but d v / d mu = -2/n sum(s - mu) = 0
        run.gradients[self.mu] = -total / root  # (m,)
        # three paths: s directly, through mu with d mu / d s = 1/n, and through v with
        # d v / d s = 2 (s - mu) / n = 2 s_hat root / n:
        # G_s = (G_hat - total / n - s_hat along / n) / root
        G_s = s_hat * (along / -n)[self.spread]  # (n, m)
        G_s -= (total / n)[self.spread]
        G_s += G_hat
        G_s /= root[self.spread]
        return G_s

    def sums(self, G_hat: Array, s_hat: Array, run: Pass) -> tuple[Array, Array]:
        """Sums of G_hat and G_hat s_hat over the samples: gamma times dJ/dbeta and dJ/dgamma."""
        gamma = run.parameters[self.gamma]
        return gamma * run.gradients[self.beta], gamma * run.gradients[self.gamma]


class LayerNorm(BatchNorm):
    """The same with mu and v over the units of each sample, also in evaluation (Ba et al. 2016).

    In the comments above, read n as the number of units, and (m,) as (n,) for mu and v: the units
    of a sample share mu and v, while the samples of a unit still share gamma and beta.
    """

    axis = -1
    spread = (..., None)

    def sums(self, G_hat: Array, s_hat: Array, run: Pass) -> tuple[Array, Array]:
        """Sums of G_hat and G_hat s_hat over the units."""
        return sum_over(-1, G_hat), sum_over(-1, G_hat * s_hat)


class Activation:
    """x = f(s), entry by entry."""

    def __init__(self, spec: LayerSpec, network: Network) -> None:
        self.output = spec.output


class ReLU(Activation):
    """x = max(0, s)."""

    def forward(self, s: Array, run: Pass) -> None:
        # both forms let NaN through, so that divergence shows in the cost
        if s.dtype.kind == "c":
            run.trace[self.output] = np.where(s.real <= 0, 0, s)  # (n, m)
        else:
            run.trace[self.output] = np.maximum(s, s.dtype.type(0))  # (n, m), faster than where

    def backward(self, s: Array, run: Pass) -> Array:
        # d max(0, s) / d s is 1 where s > 0 and, by convention, 0 at 0
        return run.gradients[self.output] * (s > 0).astype(s.dtype)  # (n, m)


class LeakyReLU(Activation):
    """x = s where s > 0, else slope * s (Maas et al. 2013)."""

    def __init__(self, spec: LayerSpec, network: Network) -> None:
        super().__init__(spec, network)
        self.slope = network.slope

    def forward(self, s: Array, run: Pass) -> None:
        run.trace[self.output] = np.where(s.real > 0, s, self.slope * s)  # (n, m)

    def backward(self, s: Array, run: Pass) -> Array:
        # d x / d s is 1 where s > 0, else the slope; by convention also at 0
        G = run.gradients[self.output]  # (n, m)
        return np.where(s > 0, G, self.slope * G)  # (n, m)


class GELU(Activation):
    """x = s Phi(s), Phi the standard normal distribution function (Hendrycks and Gimpel 2016)."""

    def forward(self, s: Array, run: Pass) -> None:
        run.trace[self.output] = s * ndtr(s).astype(s.dtype)  # (n, m)

    def backward(self, s: Array, run: Pass) -> Array:
        # product rule, with Phi'(s) = exp(-s^2 / 2) / sqrt(2 pi)
        density = np.exp(-s * s / 2) / np.sqrt(2 * np.pi)  # (n, m)
        slope = (ndtr(s) + s * density).astype(s.dtype)  # (n, m)
        return run.gradients[self.output] * slope


class Tanh(Activation):
    """x = tanh(s)."""

    def forward(self, s: Array, run: Pass) -> None:
        run.trace[self.output] = np.tanh(s)  # (n, m)

    def backward(self, s: Array, run: Pass) -> Array:
        # d tanh(s) / d s = 1 - tanh(s)^2, which needs x alone
        x = run.trace[self.output]  # (n, m)
        return run.gradients[self.output] * (1 - x * x)


class Sigmoid(Activation):
    """x = 1 / (1 + exp(-s))."""

    def forward(self, s: Array, run: Pass) -> None:
        run.trace[self.output] = sigmoid(s)  # (n, m)

    def backward(self, s: Array, run: Pass) -> Array:
        # d x / d s = exp(-s) / (1 + exp(-s))^2 = x (1 - x), which needs x alone
        x = run.trace[self.output]  # (n, m)
        return run.gradients[self.output] * (x * (1 - x))


class Dropout:
    """x_drop = x * mask / keep; a unit is kept with probability keep (Srivastava et al. 2014).

    Inverted dropout: dividing by keep preserves the expectation, so evaluation, which has no
    masks, passes x on unchanged.
    """

    def __init__(self, spec: LayerSpec, network: Network) -> None:
        self.output, self.mask, self.keep = spec.output, spec.name("mask"), 1 - network.dropout

    def forward(self, x: Array, run: Pass) -> None:
        run.trace[self.output] = self._masked(x, run)

    def backward(self, x: Array, run: Pass) -> Array:
        # the mask does not depend on x: dropped units get no gradient, the others are scaled
        return self._masked(run.gradients[self.output], run)

    def _masked(self, x: Array, run: Pass) -> Array:
        return x if run.masks is None else x * run.masks[self.mask] / self.keep  # (n, m)


LAYERS: Mapping[str, type[Layer]] = {
    "affine": Affine,
    "batch_norm": BatchNorm,
    "layer_norm": LayerNorm,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "gelu": GELU,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "dropout": Dropout,
}


@lru_cache(maxsize=256)
def build(network: Network) -> tuple[Layer, ...]:
    """The network's layers, in order."""
    return tuple(LAYERS[spec.kind](spec, network) for spec in network.layers)
