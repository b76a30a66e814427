"""Every layer's forward pass in torch. There is no backward here: autograd does it.

Samples are rows. Leading axes, where there are any, are networks, each of which has its own
parameters; (n, m) in a comment means (..., n, m). These lines check, train and evaluate, one
network or many.

torch's own BatchNorm1d is not used: its eps (1e-5), its unbiased running variance and its start
at 0 and 1 differ from the specification.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from twingrad.layers import Layer as Place
from twingrad.network import Network

Tensors = dict[str, Tensor]


@dataclass
class Pass:
    """What the layers read and write on their way through the network, by name.

    Arguments:
        parameters: of the network.
        statistics: running statistics to use in place of the minibatch's (evaluation).
        masks: of dropout; without them nothing is dropped (evaluation).
        trace: what the layers have computed so far.
    """

    parameters: Tensors
    statistics: Tensors | None = None
    masks: Tensors | None = None
    trace: Tensors = field(default_factory=dict)


class Layer(Protocol):
    """One entry of the network. `output` names what it passes to the next."""

    output: str

    def __init__(self, place: Place, network: Network) -> None: ...

    def forward(self, x: Tensor, run: Pass) -> None:
        """Adds all that it computes from its input x (n, in) to the trace, the output last."""


class Affine:
    """s = x W' + b."""

    def __init__(self, place: Place, network: Network) -> None:
        self.W, self.b, self.output = place.name("W"), place.name("b"), place.output

    def forward(self, x: Tensor, run: Pass) -> None:
        W, b = run.parameters[self.W], run.parameters[self.b]
        if W.dim() == 2:
            run.trace[self.output] = F.linear(x, W, b)  # (n, out)
        else:
            run.trace[self.output] = product(x, W) + of_units(b)  # (n, out)


class BatchNorm:
    """s_hat = (s - mu) / sqrt(v + eps), s_tilde = gamma * s_hat + beta (Ioffe and Szegedy 2015).

    mu and v are mean and biased variance over the minibatch, or the running statistics if given.
    After the activation x stands for s throughout.
    """

    axis = -2
    """What mu and v are taken over: the samples."""

    def __init__(self, place: Place, network: Network) -> None:
        self.eps = network.eps
        self.gamma, self.beta = place.name("gamma"), place.name("beta")
        self.mu, self.v, self.s_hat, self.output = place.intermediates

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
        run.trace[self.output] = s_hat * of_units(gamma) + of_units(beta)  # (n, m)

    def spread(self, statistic: Tensor) -> Tensor:
        """mu or v with the axis that it was taken over."""
        return of_units(statistic)


class LayerNorm(BatchNorm):
    """The same over the units of a sample (Ba et al. 2016), in evaluation too: mu, v (n,)."""

    axis = -1

    def spread(self, statistic: Tensor) -> Tensor:
        return statistic[..., None]  # (n, 1)


class ReLU:
    """x = max(0, s); autograd takes 0 for its derivative at 0."""

    def __init__(self, place: Place, network: Network) -> None:
        self.output = place.output

    def forward(self, s: Tensor, run: Pass) -> None:
        run.trace[self.output] = F.relu(s)  # (n, m)


class LeakyReLU:
    """x = s where s > 0, else slope * s (Maas et al. 2013); at 0 the derivative is the slope."""

    def __init__(self, place: Place, network: Network) -> None:
        self.output, self.slope = place.output, network.slope

    def forward(self, s: Tensor, run: Pass) -> None:
        run.trace[self.output] = F.leaky_relu(s, self.slope)  # (n, m)


class GELU:
    """x = s Phi(s), Phi the normal distribution function (Hendrycks and Gimpel 2016)."""

    def __init__(self, place: Place, network: Network) -> None:
        self.output = place.output

    def forward(self, s: Tensor, run: Pass) -> None:
        run.trace[self.output] = F.gelu(s)  # (n, m)


class Dropout:
    """x_drop = x * mask / keep, where keep is the probability (Srivastava et al. 2014)."""

    def __init__(self, place: Place, network: Network) -> None:
        self.output, self.mask, self.keep = place.output, place.name("mask"), 1 - network.dropout

    def forward(self, x: Tensor, run: Pass) -> None:
        run.trace[self.output] = (
            x if run.masks is None else x * run.masks[self.mask] / self.keep
        )  # (n, m)


def of_units(values: Float[Tensor, "*networks m"]) -> Tensor:
    """What units have, beside what samples have: (m,) beside (n, m), (networks, 1, m)."""
    return values if values.dim() == 1 else values[..., None, :]


def product(
    x: Float[Tensor, "*networks n in"], W: Float[Tensor, "*networks out in"]
) -> Float[Tensor, "*networks n out"]:
    """x W'. Where many networks share x, one product with all W on top of each other."""
    if x.dim() == W.dim():
        return x @ W.mT
    networks, out, _ = W.shape
    beside = x @ W.flatten(0, 1).T  # (n, networks * out)
    return beside.view(len(x), networks, out).transpose(0, 1)


def cross_entropy(
    s: Float[Tensor, "*networks n classes"], y: Int[Tensor, "*networks n"], smoothing: float
) -> Float[Tensor, "*networks"]:
    """Mean over the samples of -sum_j t_j log p_j, p = softmax(s). t is 1 for the class of a
    sample, else 0; smoothed, a share of it is spread over all classes (Szegedy et al. 2016)."""
    if s.dim() == 2:
        return F.cross_entropy(s, y, label_smoothing=smoothing)
    samples, classes = s.shape[:-1], y.expand(s.shape[:-1])
    each = F.cross_entropy(
        s.flatten(0, -2), classes.flatten(), reduction="none", label_smoothing=smoothing
    )
    return each.view(samples).mean(-1)


def squared_norm(W: Float[Tensor, "*networks out in"]) -> Float[Tensor, "*networks"]:
    """The sum of the squares of each network."""
    return W.square().sum((-2, -1))


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


def run_layers(layers: Sequence[Layer], x: Tensor, run: Pass) -> Tensor:
    """Adds what the layers compute from x to the trace; returns the output of the last."""
    for layer in layers:
        layer.forward(x, run)
        x = run.trace[layer.output]
    return x
