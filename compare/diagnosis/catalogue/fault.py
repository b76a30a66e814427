"""A fault of the catalogue, and the values that it produces."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from compare.cases import Case
from compare.derivation import (
    Changes,
    Place,
    Placed,
    backward_pass,
    forward_pass,
    layer_of,
    steps_of,
)
from compare.derivation.place import Compute
from compare.derivation.steps import Stage
from compare.numerics.structure import together
from twingrad.layers import KINDS
from twingrad.network import Network

Mistake = Callable[[Place, np.ndarray], np.ndarray]
"""Computes a step's wrong result from its place and its right result."""


@dataclass(frozen=True)
class Replacement:
    """A mistake that does not use the right result, whose shape may even differ.

    Arguments:
        compute: what is computed instead.
    """

    compute: Compute

    def __call__(self, at: Place, right: np.ndarray) -> np.ndarray:
        return self.compute(at)


Layers = tuple[int, ...]

Prediction = dict[str, np.ndarray]
"""Gradients by name, and values of the forward pass as "forward p", "forward cost", ..."""


class Inapplicable(Exception):
    """The mistake cannot be made on this network; for example, a missing transpose needs a square
    W."""


def weights(network: Network) -> list[int]:
    """Every affine layer."""
    return list(range(1, network.depth + 1))


def hidden(network: Network) -> list[int]:
    """Every hidden layer."""
    return list(range(1, network.depth))


def with_kind(*kinds: str) -> Callable[[Network], list[int]]:
    """Every hidden layer that contains one of these kinds of layer."""
    return lambda network: [layer.number for layer in network.layers if layer.kind in kinds]


def normalised(network: Network) -> list[int]:
    """Every hidden layer with a normalisation, before or after its activation."""
    return [layer.number for layer in network.layers if KINDS[layer.kind].role == "normalization"]


def normalised_before(network: Network) -> list[int]:
    """Every hidden layer with a normalisation before its activation."""
    return hidden(network) if network.normalization in ("batch", "layer") else []


def normalised_after(network: Network) -> list[int]:
    """Every hidden layer with a normalisation after its activation."""
    return hidden(network) if network.normalization == "batch-after" else []


def last(network: Network) -> list[int]:
    """The layer of the logits."""
    return [network.depth]


def with_loss(*losses: str) -> Callable[[Network], list[int]]:
    """The layer of the logits, in networks with one of these losses."""
    return lambda network: [network.depth] if network.loss in losses else []


def layer_at(at: Place, role: str, offset: int = 0) -> Place:
    """The layer with a role in this hidden layer, or `offset` hidden layers above it.

    Raises:
        Inapplicable: there is none.
    """
    layer = layer_of(at.case.network, role, at.l + offset)
    if layer is None:
        raise Inapplicable
    return at.of(layer)


def activation_at(at: Place, offset: int = 0) -> Place:
    """The activation of this hidden layer, or of the one `offset` above it."""
    return layer_at(at, "activation", offset)


@dataclass(frozen=True)
class Fault:
    """One mistake.

    Arguments:
        name: short, for tables and JSON.
        explanation: one sentence; "{where}" stands for "layer 2" or "every layer".
        fix: what to do, in a sentence.
        operation: the first that goes wrong, in order of execution.
        wrong: the part of that operation's formula that is wrong or left out; "" for all of it.
        backward, forward: the mistakes by operation, made at each of its layers.
        layers: where it can be made.
        everywhere: whether it is made at one layer or at all of them; None for either.
    """

    name: str
    explanation: str
    fix: str
    operation: str
    layers: Callable[[Network], list[int]]
    backward: Mapping[str, Mistake] = field(default_factory=dict)
    forward: Mapping[str, Mistake] = field(default_factory=dict)
    wrong: str = ""
    everywhere: bool | None = None

    @property
    def stage(self) -> Stage:
        """The pass that contains the mistake."""
        return "forward" if self.forward else "backward"

    def step_in(self, network: Network, l: int) -> Placed:
        """The first wrong operation at layer l; for loss and cost, at the last layer."""
        steps = steps_of(network, self.stage)
        return steps.get((self.operation, l)) or steps[self.operation, network.depth]

    def candidates(self, network: Network) -> Iterator["Candidate"]:
        """The fault at each layer, at all layers, and at all but the first or the last.

        Loops over layers often treat the first and the last separately.
        """
        layers = self.layers(network)
        if self.everywhere is not True:
            yield from (Candidate(self, (l,)) for l in layers)
        if self.everywhere is None and len(layers) > 2:
            for some in (layers[:-1], layers[1:]):
                yield Candidate(self, tuple(reversed(some)))
        if self.everywhere is not False and (len(layers) > 1 or (self.everywhere and layers)):
            yield Candidate(self, tuple(reversed(layers)), every=True)


class Sized(Protocol):
    """A mistake with an unknown number in it, such as eps."""

    @property
    def sizes(self) -> tuple[float, ...]:
        """Numbers from which the fit may start."""
        ...

    def fault(self, size: float) -> Fault:
        """The mistake with this number."""
        ...


@dataclass(frozen=True)
class Candidate:
    """A fault at certain layers, sorted from the last to the first.

    Arguments:
        fault, layers: what and where.
        other: a second fault, if two are made.
        every: whether these are all the layers where it can be made.
    """

    fault: Fault
    layers: Layers
    other: "Candidate | None" = None
    every: bool = False

    @property
    def layer(self) -> int | None:
        """The layer, if there is only one."""
        return self.layers[0] if len(self.layers) == 1 else None

    @property
    def parts(self) -> tuple["Candidate", ...]:
        """Its faults, one by one."""
        alone = Candidate(self.fault, self.layers, every=self.every)
        return (alone,) if self.other is None else (alone, *self.other.parts)

    @property
    def first_layer(self) -> int:
        """The layer where it has an effect first, in order of execution."""
        return min(self.layers) if self.fault.stage == "forward" else max(self.layers)

    @property
    def where(self) -> str:
        """The layers, in words."""
        if self.layer is not None:
            return f"layer {self.layer}"
        if self.every:
            return "every layer"
        return f"layers {', '.join(map(str, sorted(self.layers)))}"

    @property
    def name(self) -> str:
        """The faults with their layers, for people and tables."""
        return " + ".join(f"{part.fault.name}, {part.where}" for part in self.parts)

    def predict(self, case: Case) -> Prediction:
        """Every gradient and value that code with this mistake gives.

        Raises:
            Inapplicable: it cannot be made here.
        """
        try:
            trace = forward_pass(case, self.changes("forward", case.network))
            gradients = backward_pass(case, trace, self.changes("backward", case.network))
        except ValueError as error:  # one mistake's shape does not fit the other's
            raise Inapplicable from error
        return together(gradients, trace)

    def changes(self, stage: Stage, network: Network) -> Changes:
        """The changed steps of a pass, with the mistakes of all parts applied in turn."""
        steps = steps_of(network, stage)
        changes: dict[tuple[str, int], Compute] = {}
        for part in self.parts:
            for operation, mistake in getattr(part.fault, stage).items():
                for l in part.layers:
                    if (operation, l) not in steps:
                        continue
                    right = changes.get((operation, l), steps[operation, l].step.compute)
                    changes[operation, l] = mistaken(right, mistake)
        return changes


def mistaken(right: Compute, mistake: Mistake) -> Compute:
    """The step with a mistake in it."""
    if isinstance(mistake, Replacement):
        return mistake.compute
    return lambda at: mistake(at, right(at))


def right_values(case: Case) -> Prediction:
    """The gradients and values of right code."""
    trace = forward_pass(case)
    return together(backward_pass(case, trace), trace)
