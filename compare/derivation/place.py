"""One layer of a pass, with its quantities under the letters of the derivation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.cases import Case
from twingrad.network import Gradients, Trace


@dataclass(frozen=True)
class Place:
    """Layer l of one case, half-way through a pass.

    `place.s_hat` is the intermediate s_hat{l}, `place.gamma` the parameter gamma{l}, and
    `place.G_s_hat` the gradient of the cost by s_hat{l}.

    Arguments:
        case: the network with its parameters and minibatch.
        l: the layer, from 1.
        trace, gradients: what the pass has computed so far.
    """

    case: Case
    l: int
    trace: Trace
    gradients: Gradients

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what copying asks for, not a quantity
            raise AttributeError(name)
        if name.startswith("G_"):
            return self.gradients[f"{name[2:]}{self.l}"]
        key = f"{name}{self.l}"
        return self.case.parameters[key] if key in self.case.parameters else self.trace[key]

    @property
    def above(self) -> "Place":
        """Layer l + 1."""
        return Place(self.case, self.l + 1, self.trace, self.gradients)

    @property
    def n(self) -> int:
        """Samples of the minibatch."""
        return len(self.case.y)

    @property
    def penalty(self) -> float:
        """lambda."""
        return self.case.penalty

    @property
    def input(self) -> np.ndarray:
        """What the affine layer multiplies: X or the x below. (n, in)"""
        return self.case.X if self.l == 1 else self.trace[f"x{self.l - 1}"]

    @property
    def relu_input(self) -> np.ndarray:
        """What the ReLU decides by. (n, m)"""
        kind = "s_tilde" if self.case.network.batch_norm else "s"
        return self.trace[f"{kind}{self.l}"]

    @property
    def one_hot(self) -> np.ndarray:
        """The classes. (n, classes)"""
        return np.eye(self.case.network.classes)[self.case.y]

    @property
    def variance(self) -> np.ndarray:
        """v + eps. (m,)"""
        return self.trace[f"v{self.l}"] + self.case.network.eps

    @property
    def root(self) -> np.ndarray:
        """sqrt(v + eps). (m,)"""
        return np.sqrt(self.variance)


Compute = Callable[[Place], np.ndarray]

Changes = Mapping[tuple[str, int], Compute]
"""Steps computed otherwise, by operation and layer: how a mistake is planted."""


@dataclass(frozen=True)
class Step:
    """One operation of the derivation.

    Arguments:
        operation: its name, the key of a change.
        title: what it is, for people; "{l}" stands for the layer.
        formula: what it computes, in the letters of the derivation.
        why: the sentence that derives it.
        code: the line of `manual_impl/layers.py` or `network.py` that computes it, verbatim.
        further: a second line of it, where there is one.
        compute: the same in NumPy, from the quantities at a place.
    """

    operation: str
    title: str
    formula: str
    why: str
    code: str
    compute: Compute
    further: str = ""
