"""Every layer's forward pass in torch; autograd computes the gradients.

Samples are rows. Leading axes, if any, are networks, each with its own parameters; (n, m) in a
comment means (..., n, m). The same code checks, trains and evaluates one network or many.

torch.nn.BatchNorm1d is not used because it differs from the specification: its eps is 1e-5, its
running variance is unbiased, and its running statistics start at 0 and 1.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from twingrad.layers import Layer as LayerSpec
from twingrad.network import Network

Tensors = dict[str, Tensor]


@dataclass
class Pass:
    """Inputs and outputs of the layers during one forward pass, by name.

    Arguments:
        parameters: of the network.
        statistics: running statistics, used instead of the batch statistics (evaluation).
        masks: dropout masks; None drops nothing (evaluation).
        trace: intermediates computed so far.
    """

    parameters: Tensors
    statistics: Tensors | None = None
    masks: Tensors | None = None
    trace: Tensors = field(default_factory=dict)


class Layer(Protocol):
    """One layer of a network. `output` is the name of its output."""

    output: str

    def __init__(self, spec: LayerSpec, network: Network) -> None: ...

    def forward(self, x: Tensor, run: Pass) -> None:
        """Add everything computed from the input x (n, in) to the trace, the output last."""


class Affine:
    """s = x W' + b."""

    def __init__(self, spec: LayerSpec, network: Network) -> None:
        self.W, self.b, self.output = spec.name("W"), spec.name("b"), spec.output

    def forward(self, x: Tensor, run: Pass) -> None:
        W, b = run.parameters[self.W], run.parameters[self.b]
        if W.dim() == 2:
            run.trace[self.output] = F.linear(x, W, b)  # (n, out)
        else:
            run.trace[self.output] = product(x, W) + over_samples(b)  # (n, out)


class BatchNorm:
    """s_hat = (s - mu) / sqrt(v + eps), s_tilde = gamma * s_hat + beta (Ioffe and Szegedy 2015).

    mu and v are the mean and the biased variance over the minibatch, or the running statistics if
    given. If batch norm follows the activation, its input is x instead of s.
    """

    axis = -2
    """The axis that mu and v are computed over: the samples."""

    def __init__(self, spec: LayerSpec, network: Network) -> None:
        self.eps = network.eps
        self.gamma, self.beta = spec.name("gamma"), spec.name("beta")
        self.mu, self.v, self.s_hat, self.output = spec.intermediates

    def forward(self, s: Tensor, run: Pass) -> None:
        if run.statistics is None or self.mu not in run.statistics:
            mu = s.mean(self.axis)  # (m,)
            centred = s - self.spread(mu)  # (n, m)
            v = (centred * centred).mean(self.axis)  # (m,)
        else:
            mu, v = run.statistics[self.mu], run.statistics[self.v]
            centred = s - self.spread(mu)  # (n, m)
        s_hat = centred / self.spread((v + self.eps).sqrt())  # (n, m)
        run.trace[self.mu], run.trace[self.v], run.trace[self.s_hat] = mu, v, s_hat
        gamma, beta = run.parameters[self.gamma], run.parameters[self.beta]
        run.trace[self.output] = s_hat * over_samples(gamma) + over_samples(beta)  # (n, m)

    def spread(self, statistic: Tensor) -> Tensor:
        """Broadcast mu or v along the axis it was computed over."""
        return over_samples(statistic)


class LayerNorm(BatchNorm):
    """The same with mu and v (n,) over the units of each sample, also in evaluation (Ba et al.
    2016)."""

    axis = -1

    def spread(self, statistic: Tensor) -> Tensor:
        return statistic[..., None]  # (n, 1)


class Activation:
    """x = f(s), entry by entry, f one of torch's functions."""

    f: Callable[[Tensor], Tensor]

    def __init__(self, spec: LayerSpec, network: Network) -> None:
        self.output = spec.output

    def forward(self, s: Tensor, run: Pass) -> None:
        run.trace[self.output] = self.f(s)  # (n, m)


class ReLU(Activation):
    """x = max(0, s); autograd's derivative at 0 is 0."""

    f = staticmethod(F.relu)


class LeakyReLU(Activation):
    """x = s where s > 0, else slope * s; the derivative at 0 is the slope (Maas et al. 2013)."""

    def __init__(self, spec: LayerSpec, network: Network) -> None:
        super().__init__(spec, network)
        self.f = partial(F.leaky_relu, negative_slope=network.slope)


class GELU(Activation):
    """x = s Phi(s), Phi the standard normal distribution function (Hendrycks and Gimpel 2016)."""

    f = staticmethod(F.gelu)


class Tanh(Activation):
    """x = tanh(s)."""

    f = staticmethod(torch.tanh)


class Sigmoid(Activation):
    """x = 1 / (1 + exp(-s))."""

    f = staticmethod(torch.sigmoid)


class Dropout:
    """x_drop = x * mask / keep; a unit is kept with probability keep (Srivastava et al. 2014)."""

    def __init__(self, spec: LayerSpec, network: Network) -> None:
        self.output, self.mask, self.keep = spec.output, spec.name("mask"), 1 - network.dropout

    def forward(self, x: Tensor, run: Pass) -> None:
        run.trace[self.output] = (
            x if run.masks is None else x * run.masks[self.mask] / self.keep
        )  # (n, m)


def over_samples(values: Float[Tensor, "*networks m"]) -> Tensor:
    """Broadcast one value per unit over the samples: (networks, m) becomes (networks, 1, m)."""
    return values if values.dim() == 1 else values[..., None, :]


def product(
    x: Float[Tensor, "*networks n in"], W: Float[Tensor, "*networks out in"]
) -> Float[Tensor, "*networks n out"]:
    """x W'. If many networks share x, one product with all their W stacked."""
    if x.dim() == W.dim():
        return x @ W.mT
    networks, out, _ = W.shape
    side_by_side = x @ W.flatten(0, 1).T  # (n, networks * out)
    return side_by_side.view(len(x), networks, out).transpose(0, 1)


def squared_norm(W: Float[Tensor, "*networks out in"]) -> Float[Tensor, "*networks"]:
    """The sum of squares for each network."""
    return W.square().sum((-2, -1))


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


def run_layers(layers: Sequence[Layer], x: Tensor, run: Pass) -> Tensor:
    """Run the layers on x, adding their intermediates to the trace; return the last output."""
    for layer in layers:
        layer.forward(x, run)
        x = run.trace[layer.output]
    return x
