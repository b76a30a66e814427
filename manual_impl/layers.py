"""Every layer: its forward pass and, right below it, the gradient derived by hand.

G stands for d cost / d of the quantity at hand. The cost is a mean over the n samples, so the
1/n is in G from the start and no layer divides again. Samples are rows: row i of G belongs to
sample i. Leading axes, where there are any, are networks, each of which has its own parameters;
(n, m) in a comment means (..., n, m).

These lines check, train and evaluate, one network or many. The forward passes also run in
complex128 for complex-step differentiation: no abs, no conjugate, and what is decided is decided
by the real part.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from jaxtyping import Int, Shaped
from scipy.special import ndtr

from manual_impl.arrays import product, sum_over, weight_gradient
from twingrad.layers import Layer as Place
from twingrad.network import Gradients, Masks, Network, Parameters, RunningStatistics, Trace

Array = np.ndarray


@dataclass
class Pass:
    """What the layers read and write on their way through the network and back, by name.

    Arguments:
        parameters: of the network.
        statistics: running statistics to use in place of the minibatch's (evaluation).
        masks: of dropout; without them nothing is dropped (evaluation).
        trace: what the forward pass has computed so far.
        gradients: what the backward pass has computed so far.
    """

    parameters: Parameters
    statistics: RunningStatistics | None = None
    masks: Masks | None = None
    trace: Trace = field(default_factory=dict)
    gradients: Gradients = field(default_factory=dict)


class Layer(Protocol):
    """One entry of the network. `output` names what it passes to the next."""

    output: str

    def __init__(self, place: Place, network: Network) -> None: ...

    def forward(self, x: Array, run: Pass) -> None:
        """Adds all that it computes from its input x (n, in) to the trace, the output last."""

    def backward(self, x: Array, run: Pass) -> Array | None:
        """Adds the gradients of its parameters and of what it computed, given that of its output.

        Returns d cost / d x (n, in); None where nobody needs it.
        """


class Affine:
    """s = x W' + b."""

    def __init__(self, place: Place, network: Network) -> None:
        self.W, self.b, self.output = place.name("W"), place.name("b"), place.output
        self.first = place.input == "X"

    def forward(self, x: Array, run: Pass) -> None:
        W, b = run.parameters[self.W], run.parameters[self.b]
        s = product(x, W)  # x W', (n, out)
        s += b[..., None, :]
        run.trace[self.output] = s

    def backward(self, x: Array, run: Pass) -> Array | None:
        W, G = run.parameters[self.W], run.gradients[self.output]  # (out, in), (n, out)
        # s_ij = sum_k x_ik W_jk + b_j: W_jk meets sample i with weight x_ik, b_j with 1
        run.gradients[self.W] = weight_gradient(G, x, like=W)  # G' x, (out, in)
        run.gradients[self.b] = sum_over(-2, G)  # (out,)
        # x_ik reaches every s_ij, j = 1..out, with weight W_jk
        return None if self.first else G @ W  # (n, in)


class BatchNorm:
    """s_hat = (s - mu) / sqrt(v + eps), s_tilde = gamma * s_hat + beta (Ioffe and Szegedy 2015).

    mu and v are mean and biased variance over the minibatch, or the running statistics if given.
    After the activation x stands for s throughout.
    """

    axis = -2
    """What mu and v are taken over: the samples."""
    spread: tuple[Any, ...] = (..., None, slice(None))
    """mu[spread] stands at that axis again: (1, m)."""

    def __init__(self, place: Place, network: Network) -> None:
        self.eps = network.eps
        self.gamma, self.beta = place.name("gamma"), place.name("beta")
        self.mu, self.v, self.s_hat, self.output = place.intermediates

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
        # s_tilde_ij = gamma_j s_hat_ij + beta_j: both are shared by all samples of unit j
        run.gradients[self.gamma] = sum_over(-2, G * s_hat)  # (m,)
        run.gradients[self.beta] = sum_over(-2, G)  # (m,)
        run.gradients[self.s_hat] = G_hat = G * run.parameters[self.gamma][..., None, :]  # (n, m)
        total, along = self.sums(G_hat, s_hat, run)  # (m,): of G_hat and of G_hat s_hat
        # d s_hat / d v = -1/2 (s - mu) (v + eps)^(-3/2) = -1/2 s_hat / (v + eps), and v is
        # shared by all samples
        run.gradients[self.v] = -0.5 * along / variance  # (m,)
        # d s_hat / d mu = -1 / root. mu is also in v, but d v / d mu = -2/n sum(s - mu) = 0
        run.gradients[self.mu] = -total / root  # (m,)
        # s itself, then its share 1/n of mu, then its share 2 (s - mu) / n of v, where
        # s - mu = s_hat root: (G_hat - total / n - s_hat along / n) / root
        G_s = s_hat * (along / -n)[self.spread]  # (n, m)
        G_s -= (total / n)[self.spread]
        G_s += G_hat
        G_s /= root[self.spread]
        return G_s

    def sums(self, G_hat: Array, s_hat: Array, run: Pass) -> tuple[Array, Array]:
        """G_hat and G_hat s_hat, summed over the samples: gamma times the sums for beta, gamma."""
        gamma = run.parameters[self.gamma]
        return gamma * run.gradients[self.beta], gamma * run.gradients[self.gamma]


class LayerNorm(BatchNorm):
    """The same with mu and v over the units of a sample (Ba et al. 2016), in evaluation too.

    In the comments above n is then the number of units, and (m,) is (n,): mu and v are shared by
    the units of a sample, while gamma and beta are still shared by the samples of a unit.
    """

    axis = -1
    spread = (..., None)

    def sums(self, G_hat: Array, s_hat: Array, run: Pass) -> tuple[Array, Array]:
        """G_hat and G_hat s_hat, summed over the units."""
        return sum_over(-1, G_hat), sum_over(-1, G_hat * s_hat)


class ReLU:
    """x = max(0, s)."""

    def __init__(self, place: Place, network: Network) -> None:
        self.output = place.output

    def forward(self, s: Array, run: Pass) -> None:
        # either way NaN passes: a training that diverges must show it in its cost
        if s.dtype.kind == "c":
            run.trace[self.output] = np.where(s.real <= 0, 0, s)  # (n, m)
        else:
            run.trace[self.output] = np.maximum(s, s.dtype.type(0))  # (n, m), where's fast form

    def backward(self, s: Array, run: Pass) -> Array:
        # d max(0, s) / d s is 1 where s > 0 and, by convention, 0 at 0
        return run.gradients[self.output] * (s > 0).astype(s.dtype)  # (n, m)


class LeakyReLU:
    """x = s where s > 0, else slope * s (Maas et al. 2013)."""

    def __init__(self, place: Place, network: Network) -> None:
        self.output, self.slope = place.output, network.slope

    def forward(self, s: Array, run: Pass) -> None:
        run.trace[self.output] = np.where(s.real > 0, s, self.slope * s)  # (n, m)

    def backward(self, s: Array, run: Pass) -> Array:
        # d x / d s is 1 where s > 0, else the slope; at 0 too, by convention
        G = run.gradients[self.output]  # (n, m)
        return np.where(s > 0, G, self.slope * G)  # (n, m)


class GELU:
    """x = s Phi(s), where Phi is the normal distribution function (Hendrycks and Gimpel 2016)."""

    def __init__(self, place: Place, network: Network) -> None:
        self.output = place.output

    def forward(self, s: Array, run: Pass) -> None:
        run.trace[self.output] = s * ndtr(s).astype(s.dtype)  # (n, m)

    def backward(self, s: Array, run: Pass) -> Array:
        # the product rule, with Phi' = exp(-s^2 / 2) / sqrt(2 pi)
        density = np.exp(-s * s / 2) / np.sqrt(2 * np.pi)  # (n, m)
        slope = (ndtr(s) + s * density).astype(s.dtype)  # (n, m)
        return run.gradients[self.output] * slope


class Dropout:
    """x_drop = x * mask / keep, if a unit is kept with probability keep (Srivastava et al. 2014).

    Inverted: the division keeps the expectation, so that evaluation, without masks, is x itself.
    """

    def __init__(self, place: Place, network: Network) -> None:
        self.output, self.mask, self.keep = place.output, place.name("mask"), 1 - network.dropout

    def forward(self, x: Array, run: Pass) -> None:
        run.trace[self.output] = self._masked(x, run)

    def backward(self, x: Array, run: Pass) -> Array:
        # the mask is drawn, not computed: what was dropped has no gradient, the rest is scaled
        return self._masked(run.gradients[self.output], run)

    def _masked(self, x: Array, run: Pass) -> Array:
        return x if run.masks is None else x * run.masks[self.mask] / self.keep  # (n, m)


def softmax_cross_entropy(
    s: Shaped[Array, "*networks n classes"], y: Int[Array, "*networks n"], smoothing: float = 0.0
) -> tuple[Shaped[Array, "*networks n classes"], Shaped[Array, "*networks"]]:
    """p = softmax(s), and the mean over the samples of the cross-entropy -sum_j t_j log p_j.

    The largest logit is taken out first: exp then stays below 1, whatever the logits. log p
    is taken from the logits, not from p, which may underflow to 0.
    """
    shifted = s - s.real.max(axis=-1, keepdims=True)  # (n, classes)
    p = np.exp(shifted)  # (n, classes)
    totals = sum_over(-1, p)[..., None]  # (n, 1)
    log_p = shifted - np.log(totals)  # (n, classes)
    p /= totals
    losses = targets(y, s.shape[-1], smoothing, s.real.dtype) * log_p  # (n, classes)
    return p, -losses.sum(axis=(-2, -1)) / s.shape[-2]


def softmax_cross_entropy_backward(
    p: Shaped[Array, "*networks n classes"], y: Int[Array, "*networks n"], smoothing: float = 0.0
) -> Shaped[Array, "*networks n classes"]:
    """d loss / d s = (p - t) / n."""
    # -sum_j t_j log p_j = log sum_j exp(s_j) - sum_j t_j s_j, as the t_j add up to 1; by s_j
    # its derivative is p_j - t_j
    G = p - targets(y, p.shape[-1], smoothing, p.dtype)  # (n, classes)
    G /= p.shape[-2]
    return G


def targets(
    y: Int[Array, "*networks n"], classes: int, smoothing: float, dtype: Any
) -> Shaped[Array, "*networks n classes"]:
    """t: 1 for the class of a sample, else 0; smoothed, a share of it spread over all classes
    (Szegedy et al. 2016)."""
    t = (y[..., None] == np.arange(classes)).astype(dtype)  # (n, classes)
    if smoothing:
        t *= 1 - smoothing
        t += smoothing / classes
    return t


LAYERS: Mapping[str, type[Layer]] = {
    "affine": Affine,
    "batch_norm": BatchNorm,
    "layer_norm": LayerNorm,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "gelu": GELU,
    "dropout": Dropout,
}


@lru_cache(maxsize=256)
def build(network: Network) -> tuple[Layer, ...]:
    """The network's layers, in order."""
    return tuple(LAYERS[place.kind](place, network) for place in network.layers)
