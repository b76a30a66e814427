"""The network as data: its layers, and the names and shapes of its parameters and statistics."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from twingrad.errors import UserError
from twingrad.layers import ACTIVATIONS, BATCH_NORMS, LOSSES, NORMALIZATIONS, Layer

EPS = 2.220446049250313e-16
"""Default constant added to the variance: machine epsilon of float64."""

Parameters = dict[str, np.ndarray]
"""W1 (out, in), b1 (out,), and gamma1, beta1 (out,) if normalised; then W2, ... in this order.
Leading axes, if any, are networks."""

RunningStatistics = dict[str, np.ndarray]
"""mu1, v1 (width,), mu2, ...: running mean and biased variance. Empty before the first update."""

Masks = Mapping[str, np.ndarray]
"""mask1 (n, width), mask2, ...: True where dropout keeps a unit of a sample."""

Trace = dict[str, np.ndarray]
"""Every intermediate of a forward pass by name, in order of execution; loss and cost are last."""

Gradients = dict[str, np.ndarray]
"""Gradients of the cost with respect to every parameter and intermediate except p, by name."""


STEEPEST = 1e30
"""Largest absolute slope; it fits into float32."""

LARGEST = 100_000_000
"""Weights of a network: 400 MB in float32, and training holds several times that."""


@dataclass(frozen=True)
class Network:
    """A multilayer perceptron: hidden layers, then affine and softmax, or a sigmoid of every logit.

    A hidden layer is affine, [normalisation,] activation, [normalisation,] [dropout].

    Arguments:
        inputs: values per sample, d.
        hidden: widths of the hidden layers; empty for softmax regression.
        classes: width of the last layer. One unit with a sigmoid is the probability of class 1.
        normalization: "none"; "batch" or "layer" before every activation; "batch-after" after it.
        activation: "relu", "leaky_relu", ...: one of `twingrad.layers.ACTIVATIONS`.
        slope: slope of the leaky ReLU below 0.
        dropout: probability that a unit is dropped at the end of a hidden layer.
        smoothing: label smoothing: the share of a target that is spread evenly over all classes.
        eps: added to the variance in a normalisation, in every dtype; other frameworks use 1e-5.
        loss: "cross_entropy" of a softmax; "binary_cross_entropy" or "squared_error" of sigmoids.

    Raises:
        UserError: a value is out of range.
    """

    inputs: int
    hidden: tuple[int, ...]
    classes: int = 10
    normalization: str = "none"
    activation: str = "relu"
    slope: float = 0.01
    dropout: float = 0.0
    smoothing: float = 0.0
    eps: float = EPS
    loss: str = "cross_entropy"

    def __post_init__(self) -> None:
        for what, width in [("inputs", self.inputs), *(("hidden size", m) for m in self.hidden)]:
            if width < 1:
                raise UserError(f"{what} is {width}, but a layer needs a width of at least 1")
        for what, word, known in [
            ("normalization", self.normalization, NORMALIZATIONS),
            ("activation", self.activation, ACTIVATIONS),
            ("loss", self.loss, LOSSES),
        ]:
            if word not in known:
                raise UserError(f"{what} is {word!r}, but expected one of: {', '.join(known)}")
        softmax = self.loss == "cross_entropy"
        least = 2 if softmax else 1
        if self.classes < least:
            what = "a softmax" if softmax else "a layer"
            raise UserError(f"classes is {self.classes}, but {what} needs at least {least}")
        if self.smoothing and not softmax:
            raise UserError(
                f"smoothing is {self.smoothing} and loss is {self.loss!r}, but label smoothing is "
                "for 'cross_entropy'; take smoothing 0 or that loss"
            )
        size = sum(n * m for n, m in zip(self.widths, self.widths[1:], strict=False))
        if size > LARGEST:
            raise UserError(
                f"widths {self.widths} make {size:.3g} weights, but at most {LARGEST:.3g} were "
                "expected; take narrower layers"
            )
        if self.normalization == "layer" and 1 in self.hidden:
            raise UserError(
                "a hidden size is 1, but layer norm needs at least 2 units: a single one always "
                "equals its mean; take wider layers or another normalization"
            )
        for what, number, high in [
            ("eps", self.eps, float("inf")),
            ("dropout", self.dropout, 1),
            ("smoothing", self.smoothing, 1),
        ]:
            if not 0 <= number < high:
                raise UserError(f"{what} is {number}, but expected a number from 0 to below {high}")
        if not -STEEPEST <= self.slope <= STEEPEST:
            raise UserError(
                f"slope is {self.slope}, but expected a number from {-STEEPEST:g} to {STEEPEST:g}"
            )

    @property
    def depth(self) -> int:
        """k: the number of affine layers."""
        return len(self.hidden) + 1

    @property
    def widths(self) -> tuple[int, ...]:
        """(d, m1, ..., classes): affine layer l maps widths[l - 1] values to widths[l]."""
        return (self.inputs, *self.hidden, self.classes)

    @property
    def batch_norm(self) -> bool:
        """Whether batch norm is used, before or after the activation."""
        return self.normalization in BATCH_NORMS

    @cached_property
    def block(self) -> tuple[str, ...]:
        """The kinds of layer in a hidden layer, in order."""
        kind, after = NORMALIZATIONS[self.normalization]
        normalization = (kind,) if kind else ()
        dropout = ("dropout",) if self.dropout else ()
        if after:
            return ("affine", self.activation, *normalization, *dropout)
        return ("affine", *normalization, self.activation, *dropout)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The layers in order; each implementation builds its own from them."""
        layers: list[Layer] = []
        source = "X"
        for l, (before, width) in enumerate(zip(self.widths, self.widths[1:], strict=False), 1):
            for kind in self.block if l < self.depth else ("affine",):
                inputs = before if kind == "affine" else width
                layers.append(Layer(kind, l, source, inputs, width))
                source = layers[-1].output
        return tuple(layers)

    @cached_property
    def weights(self) -> tuple[str, ...]:
        """W1, W2, ...: the penalised parameters."""
        return tuple(f"W{l}" for l in range(1, self.depth + 1))

    @cached_property
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the parameters, in order."""
        return {name: shape for layer in self.layers for name, shape in layer.parameters.items()}

    @cached_property
    def statistic_shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the running statistics, in order; empty without batch norm."""
        return {name: shape for layer in self.layers for name, shape in layer.statistics.items()}

    @property
    def mask_shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the dropout masks for one sample."""
        return {
            layer.name("mask"): (layer.width,) for layer in self.layers if layer.kind == "dropout"
        }
