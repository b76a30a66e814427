"""Every layer: its forward pass and, right below it, the gradient derived by hand.

G stands for d cost / d of the quantity at hand. The cost is a mean over the n samples, so the
1/n is in G from the start and no layer divides again. Samples are rows: row i of G belongs to
sample i. The forward passes also run in complex128 for complex-step differentiation: no abs, no
conjugate, and what is decided is decided by the real part.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from jaxtyping import Int, Shaped

from twingrad.network import Gradients, Kind, Network, Parameters, RunningStatistics, Trace

Array = np.ndarray


class Layer(Protocol):
    """One entry of the network. `output` names what it hands to the next."""

    output: str

    def forward(
        self, x: Array, parameters: Parameters, trace: Trace, statistics: RunningStatistics | None
    ) -> None:
        """Adds all that it computes from its input x (n, in) to the trace, the output last."""

    def backward(
        self, x: Array, parameters: Parameters, trace: Trace, gradients: Gradients
    ) -> Array | None:
        """Adds the gradients of its parameters and of what it computed, given that of its output.

        Returns d cost / d x (n, in); None where nobody needs it.
        """


class Affine:
    """s = x W' + b."""

    def __init__(self, number: int, network: Network) -> None:
        self.W, self.b, self.output = f"W{number}", f"b{number}", f"s{number}"
        self.first = number == 1

    def forward(
        self, x: Array, parameters: Parameters, trace: Trace, statistics: RunningStatistics | None
    ) -> None:
        W, b = parameters[self.W], parameters[self.b]
        trace[self.output] = x @ W.T + b  # (n, out)

    def backward(
        self, x: Array, parameters: Parameters, trace: Trace, gradients: Gradients
    ) -> Array | None:
        G = gradients[self.output]  # (n, out)
        # s_ij = sum_k x_ik W_jk + b_j: W_jk meets sample i with weight x_ik, b_j with 1
        gradients[self.W] = G.T @ x  # (out, in)
        gradients[self.b] = G.sum(axis=0)  # (out,)
        # x_ik reaches every s_ij, j = 1..out, with weight W_jk
        return None if self.first else G @ parameters[self.W]  # (n, in)


class BatchNorm:
    """s_hat = (s - mu) / sqrt(v + eps), s_tilde = gamma * s_hat + beta (Ioffe and Szegedy 2015).

    mu and v are mean and biased variance over the minibatch, or the running statistics if given.
    """

    def __init__(self, number: int, network: Network) -> None:
        self.eps = network.eps
        self.gamma, self.beta = f"gamma{number}", f"beta{number}"
        self.s, self.mu, self.v = f"s{number}", f"mu{number}", f"v{number}"
        self.s_hat, self.output = f"s_hat{number}", f"s_tilde{number}"

    def forward(
        self, s: Array, parameters: Parameters, trace: Trace, statistics: RunningStatistics | None
    ) -> None:
        if statistics is None:
            mu = s.mean(axis=0)  # (m,)
            v = np.square(s - mu).mean(axis=0)  # (m,)
        else:
            mu, v = statistics[self.mu], statistics[self.v]
        s_hat = (s - mu) / np.sqrt(v + self.eps)  # (n, m)
        trace[self.mu], trace[self.v], trace[self.s_hat] = mu, v, s_hat
        trace[self.output] = parameters[self.gamma] * s_hat + parameters[self.beta]  # (n, m)

    def backward(
        self, s: Array, parameters: Parameters, trace: Trace, gradients: Gradients
    ) -> Array:
        n = len(s)
        G = gradients[self.output]  # (n, m)
        s_hat, centred = trace[self.s_hat], s - trace[self.mu]  # (n, m)
        variance = trace[self.v] + self.eps  # (m,)
        root = np.sqrt(variance)  # (m,)
        # s_tilde_ij = gamma_j s_hat_ij + beta_j: both are shared by all samples of unit j
        gradients[self.gamma] = (G * s_hat).sum(axis=0)  # (m,)
        gradients[self.beta] = G.sum(axis=0)  # (m,)
        gradients[self.s_hat] = G_hat = G * parameters[self.gamma]  # (n, m)
        # d s_hat / d v = -1/2 (s - mu) (v + eps)^(-3/2) = -1/2 s_hat / (v + eps), and v is
        # shared by all samples
        gradients[self.v] = G_v = -0.5 * (G_hat * s_hat).sum(axis=0) / variance  # (m,)
        # d s_hat / d mu = -1 / root. mu is also in v, but d v / d mu = -2/n sum(s - mu) = 0
        gradients[self.mu] = G_mu = -G_hat.sum(axis=0) / root  # (m,)
        # s itself, then its share 1/n of mu, then its share 2 (s - mu) / n of v
        return G_hat / root + G_mu / n + G_v * (2 / n) * centred  # (n, m)


class ReLU:
    """x = max(0, s)."""

    def __init__(self, number: int, network: Network) -> None:
        self.output = f"x{number}"

    def forward(
        self, s: Array, parameters: Parameters, trace: Trace, statistics: RunningStatistics | None
    ) -> None:
        # asked this way round, NaN passes: a training that diverges must show it in its cost
        trace[self.output] = np.where(s.real <= 0, 0, s)  # (n, m)

    def backward(
        self, s: Array, parameters: Parameters, trace: Trace, gradients: Gradients
    ) -> Array:
        # d max(0, s) / d s is 1 where s > 0 and, by convention, 0 at 0
        return np.where(s <= 0, 0, gradients[self.output])  # (n, m)


def softmax_cross_entropy(
    s: Shaped[Array, "n classes"], y: Int[Array, " n"]
) -> tuple[Shaped[Array, "n classes"], Shaped[Array, ""]]:
    """p = softmax(s), and the mean over the samples of -log p_y.

    The largest logit is taken out first: exp then stays below 1, whatever the logits. log p_y
    is taken from the logits, not from p, which may underflow to 0.
    """
    shifted = s - s.real.max(axis=1, keepdims=True)  # (n, classes)
    exponentials = np.exp(shifted)  # (n, classes)
    totals = exponentials.sum(axis=1)  # (n,)
    log_p_y = shifted[np.arange(len(y)), y] - np.log(totals)  # (n,)
    return exponentials / totals[:, None], np.asarray(-log_p_y.mean())


def softmax_cross_entropy_backward(
    p: Shaped[Array, "n classes"], y: Int[Array, " n"]
) -> Shaped[Array, "n classes"]:
    """d loss / d s = (p - one-hot y) / n."""
    # -log p_y = log sum_j exp(s_j) - s_y, whose derivative by s_j is p_j - [j = y]
    G = p.copy()
    G[np.arange(len(y)), y] -= 1
    return G / len(y)


LAYERS: dict[Kind, Callable[[int, Network], Layer]] = {
    "affine": Affine,
    "batch_norm": BatchNorm,
    "relu": ReLU,
}


def build(network: Network) -> list[Layer]:
    """The network's layers, in order."""
    return [LAYERS[layer.kind](layer.number, network) for layer in network.layers]
