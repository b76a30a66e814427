"""A layer during a pass, with its quantities under the letters of the derivation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.cases import Case, one_hot
from compare.derivation.letters import full_name
from twingrad.layers import KINDS, Layer
from twingrad.network import Gradients, Network, Trace


@dataclass(frozen=True)
class Place:
    """One layer of one case at some point of a pass.

    Attributes are the letters in the formulas of the layer's kind, which may differ from the
    network's names: in a normalisation `place.s` is the input and `place.s_hat` the normalised
    value, even if the network calls them x1 and x_hat1. `place.gamma` is the parameter, and
    `place.G_s_hat` the gradient of the cost by s_hat.

    Arguments:
        case: the network with its parameters and minibatch.
        layer: the layer.
        trace, gradients: the results of the pass so far.
    """

    case: Case
    layer: Layer
    trace: Trace
    gradients: Gradients

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what copying asks for, not a quantity
            raise AttributeError(name)
        if name.startswith("G_"):
            return self.gradients[full_name(self.layer, name[2:])]
        return self._value(full_name(self.layer, name))

    def _value(self, name: str) -> np.ndarray:
        for known in (self.case.parameters, self.case.masks):
            if name in known:
                return known[name]
        return self.case.X if name == "X" else self.trace[name]

    def of(self, layer: Layer) -> "Place":
        """Another layer at the same point of the pass."""
        return Place(self.case, layer, self.trace, self.gradients)

    @property
    def l(self) -> int:  # noqa: E743
        """The number of the layer, from 1."""
        return self.layer.number

    @property
    def n(self) -> int:
        """Number of samples in the minibatch."""
        return len(self.case.y)

    @property
    def penalty(self) -> float:
        """lambda."""
        return self.case.penalty

    @property
    def input(self) -> np.ndarray:
        """The layer's input. (n, in)"""
        return self._value(self.layer.input)

    @property
    def one_hot(self) -> np.ndarray:
        """The classes; y itself for a single unit. (n, classes)"""
        return one_hot(self.case.y, self.case.network.classes)

    @property
    def Y(self) -> np.ndarray:
        """The targets: the classes, smoothed where the network smooths them. (n, classes)"""
        network = self.case.network
        return (1 - network.smoothing) * self.one_hot + network.smoothing / network.classes

    @property
    def slope(self) -> float:
        """Slope of the leaky ReLU below 0."""
        return self.case.network.slope

    @property
    def keep(self) -> float:
        """The probability that dropout keeps a unit."""
        return 1 - self.case.network.dropout

    @property
    def axis(self) -> int:
        """The axis of a normalisation's mu and v: 0 for the samples, 1 for the units."""
        return 0 if KINDS[self.layer.kind].across_samples else 1

    @property
    def size(self) -> int:
        """The number of values that mu averages."""
        return int(self.input.shape[self.axis])

    def spread(self, value: np.ndarray) -> np.ndarray:
        """Reshape a statistic for broadcasting with the input: to (1, m) or (n, 1)."""
        return np.expand_dims(value, self.axis)

    @property
    def variance(self) -> np.ndarray:
        """v + eps, one per mu."""
        return np.asarray(self.v + self.case.network.eps)

    @property
    def root(self) -> np.ndarray:
        """sqrt(v + eps), one per mu."""
        return np.sqrt(self.variance)


def layer_of(network: Network, role: str, number: int) -> Layer | None:
    """The layer with this number and role, such as "activation"; None if there is none."""
    for layer in network.layers:
        if layer.number == number and KINDS[layer.kind].role == role:
            return layer
    return None


Compute = Callable[[Place], np.ndarray]

Changes = Mapping[tuple[str, int], Compute]
"""Replaced steps, by operation and layer."""


def one(at: Place) -> float:
    """The coefficient of most terms."""
    return 1.0


def zero(at: Place) -> float:
    """The coefficient of a term that does not belong in the formula."""
    return 0.0


@dataclass(frozen=True)
class Term:
    """A summand of a step. An implementation's summand is a coefficient times `compute`.

    Arguments:
        name: short and unique within the step.
        title: its name for people.
        formula: its part of the step's formula; "" if it is not in the formula.
        compute: its value for the coefficient 1.
        right: its right coefficient at a place.
        holds_n: whether it contains the factor 1/n of the mean.
        back: for a term of the forward pass, (operation, term) of the backward terms that have the
            same coefficient.
    """

    name: str
    title: str
    formula: str
    compute: Compute
    right: Callable[[Place], float] = one
    holds_n: bool = False
    back: tuple[tuple[str, str], ...] = ()


def total(terms: tuple[Term, ...]) -> Compute:
    """The sum of terms with their right coefficients."""
    first, *rest = (term for term in terms if term.right is not zero)

    def compute(at: Place) -> np.ndarray:
        value = part(first, at)
        for term in rest:
            value = value + part(term, at)
        return value

    return compute


def part(term: Term, at: Place) -> np.ndarray:
    """A term with its right coefficient."""
    return term.compute(at) if term.right is one else term.right(at) * term.compute(at)


@dataclass(frozen=True)
class Step:
    """One operation of the derivation.

    Arguments:
        operation: its key. In the forward pass, and for the gradients of parameters, this is the
            letter of the result.
        title: its name for people; "{l}" is replaced by the layer, "{input}" by its input.
        formula: its formula, in the letters of the derivation.
        why: a sentence that derives it.
        code: the line of `manual_impl` that implements it, verbatim.
        compute: its result, from the quantities at a place.
        further: a second line of code, if there is one.
        terms: the summands of `compute`; empty if the step has no coefficients.
    """

    operation: str
    title: str
    formula: str
    why: str
    code: str
    compute: Compute
    further: str = ""
    terms: tuple[Term, ...] = ()


@dataclass(frozen=True)
class Derivation:
    """All steps of one kind of layer.

    Arguments:
        forward: one step for each value, in order of execution; the last computes the output.
        backward: the gradients of the parameters and of the intermediates, in order of execution,
            computed from the gradient of the output.
        down: the gradient of the input, which comes last.
    """

    forward: tuple[Step, ...]
    backward: tuple[Step, ...]
    down: Step
