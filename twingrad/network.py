"""Which network: its layers, the names and shapes of all that it holds and computes."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from twingrad.errors import UserError

EPS = 2.220446049250313e-16
"""Added to the variance unless a network says otherwise: machine epsilon of float64."""

Parameters = dict[str, np.ndarray]
"""W1 (out, in), b1 (out,), with batch norm gamma1, beta1 (out,); then W2, ... in this order."""

RunningStatistics = dict[str, np.ndarray]
"""mu1, v1 (width,), mu2, ...: running mean and biased variance of s. Empty before update 1."""

Trace = dict[str, np.ndarray]
"""Every intermediate of a forward pass by name, in order of execution, at last loss and cost."""

Gradients = dict[str, np.ndarray]
"""d cost / d of every parameter and of every intermediate on the way to the loss, by name."""

Kind = Literal["affine", "batch_norm", "relu"]


@dataclass(frozen=True)
class Layer:
    """One entry of the network: what it does and the number that its names carry, from 1."""

    kind: Kind
    number: int


@dataclass(frozen=True)
class Network:
    """A multilayer perceptron: affine, [batch norm,] ReLU, ..., affine, softmax.

    Arguments:
        inputs: values per sample, d.
        hidden: widths of the hidden layers; empty for softmax regression.
        classes: width of the last layer.
        batch_norm: whether each hidden layer normalises s before the ReLU.
        eps: added to the variance there, in every dtype; other frameworks take 1e-5.

    Raises:
        UserError: a width below 1, fewer than 2 classes, or eps that is negative or not finite.
    """

    inputs: int
    hidden: tuple[int, ...]
    classes: int = 10
    batch_norm: bool = False
    eps: float = EPS

    def __post_init__(self) -> None:
        for what, width in [("inputs", self.inputs), *(("hidden size", m) for m in self.hidden)]:
            if width < 1:
                raise UserError(f"{what} is {width}, but a layer needs a width of at least 1")
        if self.classes < 2:
            raise UserError(f"classes is {self.classes}, but a softmax needs at least 2")
        if not 0 <= self.eps < float("inf"):
            raise UserError(f"eps is {self.eps}, but a finite number from 0 was expected")

    @property
    def depth(self) -> int:
        """k: the number of affine layers."""
        return len(self.hidden) + 1

    @property
    def widths(self) -> tuple[int, ...]:
        """(d, m1, ..., classes): affine layer l maps widths[l - 1] to widths[l]."""
        return (self.inputs, *self.hidden, self.classes)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The list that either implementation builds its own layers from."""
        kinds: tuple[Kind, ...] = ("affine", "relu")
        if self.batch_norm:
            kinds = ("affine", "batch_norm", "relu")
        hidden = tuple(Layer(kind, l) for l in range(1, self.depth) for kind in kinds)
        return (*hidden, Layer("affine", self.depth))

    @property
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every parameter, in order."""
        shapes: dict[str, tuple[int, ...]] = {}
        for layer in self.layers:
            l, out, into = layer.number, self.widths[layer.number], self.widths[layer.number - 1]
            if layer.kind == "affine":
                shapes |= {f"W{l}": (out, into), f"b{l}": (out,)}
            elif layer.kind == "batch_norm":
                shapes |= {f"gamma{l}": (out,), f"beta{l}": (out,)}
        return shapes

    @property
    def statistic_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every running statistic, in order; none without batch norm."""
        return {
            f"{kind}{layer.number}": (self.widths[layer.number],)
            for layer in self.layers
            if layer.kind == "batch_norm"
            for kind in ("mu", "v")
        }
