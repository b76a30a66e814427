"""A rebuilt forward pass: its layers, and the mistakes in them."""

from dataclasses import dataclass, field

import numpy as np

from compare.watching.activations import RELU, Activation
from compare.watching.normalisation import Norm
from compare.watching.values import Value


@dataclass(frozen=True)
class Seen:
    """An array of the pass, oriented with samples in rows.

    Arguments:
        value: where it comes from.
        rows: (n, m).
        turned: whether it was transposed for that.
    """

    value: Value
    rows: np.ndarray
    turned: bool


@dataclass
class Layer:
    """One affine layer and what follows it, as rebuilt.

    Arguments:
        W: (out, in); b: (out,); `weight` is the array that holds W.
        s: output of the affine map, (n, out).
        h: its input, (n, in); `source` is the array that s was read from, if any.
        norm: a normalisation, where there is one.
        z: input of the activation, where there is one; x: its output.
        activation: which one it is.
        mask, factor: of dropout, where there is one.
    """

    weight: Value
    W: np.ndarray
    b: np.ndarray
    s: np.ndarray
    h: Seen
    source: Value | None = None
    norm: Norm | None = None
    z: Seen | None = None
    x: Seen | None = None
    activation: Activation = RELU
    mask: np.ndarray | None = None
    factor: float = 1.0


@dataclass(frozen=True)
class Slip:
    """A mistake in the forward pass, found while rebuilding.

    Arguments:
        value: the array that holds it.
        said: what is wrong, in a sentence.
        norm: the normalisation that it is in, where it is in one.
    """

    value: Value
    said: str
    norm: Norm | None = None


@dataclass
class Pass:
    """One rebuilt forward pass.

    Arguments:
        index: of the event where the probabilities were first seen.
        p: the probabilities (n, classes).
        columns: whether the program keeps samples in columns.
        layers: from the first to the last.
        slips: what is wrong in it, the first layer's first.
        complete: whether the search ended at an input.
        lacks: what it ended at otherwise, in words.
        softmax: whether p is a softmax; else sigmoids.
    """

    index: int
    p: Seen
    columns: bool
    tolerance: float
    layers: list[Layer] = field(default_factory=list)
    slips: list[Slip] = field(default_factory=list)
    complete: bool = False
    lacks: str = "an array that could not be explained"
    softmax: bool = True

    @property
    def n(self) -> int:
        return len(self.p.rows)

    @property
    def X(self) -> np.ndarray:
        """The minibatch (n, d)."""
        return self.layers[0].h.rows
