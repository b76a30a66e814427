"""Every layer's forward pass in torch. There is no backward here: autograd does it.

torch's own BatchNorm1d is not used: its eps (1e-5), its unbiased running variance and its start
at 0 and 1 differ from the specification.
"""

from collections.abc import Callable
from typing import Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from twingrad.network import Kind, Network

Tensors = dict[str, Tensor]


class Layer(Protocol):
    """One entry of the network. `output` names what it hands to the next."""

    output: str
    parameters: tuple[str, ...]

    def forward(
        self, x: Tensor, parameters: Tensors, trace: Tensors, statistics: Tensors | None
    ) -> None:
        """Adds all that it computes from its input x (n, in) to the trace, the output last."""


class Affine:
    """s = x W' + b."""

    def __init__(self, number: int, network: Network) -> None:
        self.W, self.b, self.output = f"W{number}", f"b{number}", f"s{number}"
        self.parameters: tuple[str, ...] = (self.W, self.b)

    def forward(
        self, x: Tensor, parameters: Tensors, trace: Tensors, statistics: Tensors | None
    ) -> None:
        trace[self.output] = F.linear(x, parameters[self.W], parameters[self.b])  # (n, out)


class BatchNorm:
    """s_hat = (s - mu) / sqrt(v + eps), s_tilde = gamma * s_hat + beta (Ioffe and Szegedy 2015).

    mu and v are mean and biased variance over the minibatch, or the running statistics if given.
    """

    def __init__(self, number: int, network: Network) -> None:
        self.eps = network.eps
        self.gamma, self.beta = f"gamma{number}", f"beta{number}"
        self.parameters: tuple[str, ...] = (self.gamma, self.beta)
        self.mu, self.v = f"mu{number}", f"v{number}"
        self.s_hat, self.output = f"s_hat{number}", f"s_tilde{number}"

    def forward(
        self, s: Tensor, parameters: Tensors, trace: Tensors, statistics: Tensors | None
    ) -> None:
        if statistics is None:
            mu = s.mean(dim=0)  # (m,)
            v = (s - mu).square().mean(dim=0)  # (m,)
        else:
            mu, v = statistics[self.mu], statistics[self.v]
        s_hat = (s - mu) / (v + self.eps).sqrt()  # (n, m)
        trace[self.mu], trace[self.v], trace[self.s_hat] = mu, v, s_hat
        trace[self.output] = parameters[self.gamma] * s_hat + parameters[self.beta]  # (n, m)


class ReLU:
    """x = max(0, s); autograd takes 0 for its derivative at 0."""

    def __init__(self, number: int, network: Network) -> None:
        self.output = f"x{number}"
        self.parameters: tuple[str, ...] = ()

    def forward(
        self, s: Tensor, parameters: Tensors, trace: Tensors, statistics: Tensors | None
    ) -> None:
        trace[self.output] = F.relu(s)  # (n, m)


LAYERS: dict[Kind, Callable[[int, Network], Layer]] = {
    "affine": Affine,
    "batch_norm": BatchNorm,
    "relu": ReLU,
}


def build(network: Network) -> list[Layer]:
    """The network's layers, in order."""
    return [LAYERS[layer.kind](layer.number, network) for layer in network.layers]


def loss_and_cost(
    network: Network,
    logits: Float[Tensor, "n classes"],
    y: Int[Tensor, " n"],
    parameters: Tensors,
    penalty: float,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Mean cross-entropy, and that plus lambda * sum ||W||^2 over all layers."""
    loss = F.cross_entropy(logits, y)
    weights = [parameters[f"W{l}"] for l in range(1, network.depth + 1)]
    return loss, loss + penalty * torch.stack([W.square().sum() for W in weights]).sum()
