"""The kinds of layer: their names, parameters and intermediates. No arithmetic.

A kind is one entry here, one class in `manual_impl.layers`, one in `torch_impl.layers`, and its
derivation and mistakes in `compare`; docs/extending.md shows how to add one. Names end with the
number of their affine layer, from 1: W1, s1, x1. The outputs of a layer norm or batch norm take the
letter of its input: s_hat1 and s_tilde1 before the activation, x_hat1 and x_tilde1 after it.
"""

from dataclasses import dataclass
from typing import Literal

Role = Literal["affine", "normalization", "activation", "dropout"]


@dataclass(frozen=True)
class Kind:
    """One kind of layer.

    Arguments:
        role: its position in a hidden layer.
        output: name of its output without the number; {stem} is its input's letter.
        parameters: names of its parameters, in order.
        statistics: names of its batch statistics, which become running statistics.
        inner: names of the intermediates before the output, in order of execution.
        across_samples: whether a sample's output depends on the other samples of the minibatch.
    """

    role: Role
    output: str
    parameters: tuple[str, ...] = ()
    statistics: tuple[str, ...] = ()
    inner: tuple[str, ...] = ()
    across_samples: bool = False


KINDS: dict[str, Kind] = {
    "affine": Kind("affine", "s", ("W", "b")),
    "batch_norm": Kind(
        "normalization",
        "{stem}_tilde",
        ("gamma", "beta"),
        ("mu", "v"),
        ("mu", "v", "{stem}_hat"),
        across_samples=True,
    ),
    "layer_norm": Kind(
        "normalization",
        "{stem}_tilde",
        ("gamma", "beta"),
        (),
        ("mu", "v", "{stem}_hat"),
    ),
    "relu": Kind("activation", "x"),
    "leaky_relu": Kind("activation", "x"),
    "gelu": Kind("activation", "x"),
    "tanh": Kind("activation", "x"),
    "sigmoid": Kind("activation", "x"),
    "dropout": Kind("dropout", "x_drop"),
}

ACTIVATIONS = tuple(name for name, kind in KINDS.items() if kind.role == "activation")

NORMALIZATIONS: dict[str, tuple[str | None, bool]] = {
    "none": (None, False),
    "batch": ("batch_norm", False),
    "batch-after": ("batch_norm", True),
    "layer": ("layer_norm", False),
}
"""By name in a recipe: the kind, and whether it follows the activation."""

SIGMOID_LOSSES = ("binary_cross_entropy", "squared_error")
"""Losses of a sigmoid of every logit."""

LOSSES = ("cross_entropy", *SIGMOID_LOSSES)
"""What follows the logits; the cross-entropy is that of a softmax."""

BATCH_NORMS = tuple(name for name, (kind, _) in NORMALIZATIONS.items() if kind == "batch_norm")
"""The normalisations that use batch statistics."""


@dataclass(frozen=True)
class Layer:
    """One layer of a network.

    Arguments:
        kind: a key of `KINDS`.
        number: the number in its names, from 1.
        input: the name of its input: X, or the output of the previous layer.
        before, width: numbers of inputs and outputs per sample.
    """

    kind: str
    number: int
    input: str
    before: int
    width: int

    def name(self, quantity: str) -> str:
        """The name of one of its quantities: "W" is W1, "{stem}_hat" is s_hat1."""
        return f"{quantity.format(stem=self.input[0])}{self.number}"

    @property
    def output(self) -> str:
        """The name of its output."""
        return self.name(KINDS[self.kind].output)

    @property
    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of its parameters, in order."""
        if self.kind == "affine":
            return {self.name("W"): (self.width, self.before), self.name("b"): (self.width,)}
        return {self.name(each): (self.width,) for each in KINDS[self.kind].parameters}

    @property
    def statistics(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of its running statistics, in order."""
        return {self.name(each): (self.width,) for each in KINDS[self.kind].statistics}

    @property
    def intermediates(self) -> tuple[str, ...]:
        """Names of everything it computes, in order; the output is last."""
        return (*(self.name(each) for each in KINDS[self.kind].inner), self.output)
