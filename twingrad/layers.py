"""Which kinds of layer there are: what each is called, holds and computes. No arithmetic.

A kind is one entry here, a class in `manual_impl.layers`, one in `torch_impl.layers`, and its steps
and mistakes in `compare`; docs/extending.md adds one. Names end with the number of the affine
layer they belong to, counted from 1: W1, s1, x1. A layer norm or batch norm takes the letter of
what it normalises: s_hat1 and s_tilde1 before the activation, x_hat1 and x_tilde1 after it.
"""

from dataclasses import dataclass
from typing import Literal

Role = Literal["affine", "normalization", "activation", "dropout"]


@dataclass(frozen=True)
class Kind:
    """One kind of layer.

    Arguments:
        role: where in a hidden layer it can stand.
        output: what its output is called, without the number; {stem} is its input's letter.
        parameters: what it learns, in order.
        statistics: of a minibatch, kept as running statistics for the evaluation.
        inner: intermediates before the output, in order of execution.
        across_samples: whether the samples of a minibatch meet in it.
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
    "dropout": Kind("dropout", "x_drop"),
}

ACTIVATIONS = tuple(name for name, kind in KINDS.items() if kind.role == "activation")

NORMALIZATIONS: dict[str, tuple[str | None, bool]] = {
    "none": (None, False),
    "batch": ("batch_norm", False),
    "batch-after": ("batch_norm", True),
    "layer": ("layer_norm", False),
}
"""What a recipe calls it: the kind, and whether it stands after the activation."""

BATCH_NORMS = tuple(name for name, (kind, _) in NORMALIZATIONS.items() if kind == "batch_norm")
"""Those that use statistics of the minibatch."""


@dataclass(frozen=True)
class Layer:
    """One entry of a network.

    Arguments:
        kind: of `KINDS`.
        number: that its names carry, from 1.
        input: the name of what it takes: X, or the output of the layer before it.
        before, width: its inputs and outputs per sample.
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
        """The name of what the next layer takes."""
        return self.name(KINDS[self.kind].output)

    @property
    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of what it learns, in order."""
        if self.kind == "affine":
            return {self.name("W"): (self.width, self.before), self.name("b"): (self.width,)}
        return {self.name(each): (self.width,) for each in KINDS[self.kind].parameters}

    @property
    def statistics(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of its running statistics, in order."""
        return {self.name(each): (self.width,) for each in KINDS[self.kind].statistics}

    @property
    def intermediates(self) -> tuple[str, ...]:
        """The names of all that it computes, in order; the output is the last."""
        return (*(self.name(each) for each in KINDS[self.kind].inner), self.output)
