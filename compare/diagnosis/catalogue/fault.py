"""What a fault of the catalogue is, and what it would give."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from compare.cases import Case
from compare.derivation import BACKWARD, FORWARD, Changes, Place, Step, backward_pass, forward_pass
from compare.derivation.place import Compute
from compare.numerics.structure import together
from twingrad.network import Network

Mistake = Callable[[Place, np.ndarray], np.ndarray]
"""From a place and what the right step gives there, what the mistake gives."""

Layers = tuple[int, ...]

Prediction = dict[str, np.ndarray]
"""Gradients by name, and values of the forward pass as "forward p", "forward cost", ..."""


class Inapplicable(Exception):
    """The mistake cannot be made on this network; a square W is needed to forget a transpose."""


def weights(network: Network) -> list[int]:
    """Every affine layer."""
    return list(range(1, network.depth + 1))


def hidden(network: Network) -> list[int]:
    """Every layer with a ReLU."""
    return list(range(1, network.depth))


def normalised(network: Network) -> list[int]:
    """Every layer with batch norm."""
    return hidden(network) if network.batch_norm else []


def last(network: Network) -> list[int]:
    """The layer of the logits."""
    return [network.depth]


@dataclass(frozen=True)
class Fault:
    """One mistake.

    Arguments:
        name: short, for tables and JSON.
        explanation: one sentence; "{where}" stands for "layer 2" or "every layer".
        mend: what to do, in a sentence.
        operation: the first that goes wrong, in order of execution.
        wrong: the part of that operation's formula that is wrong or left out; "" for all of it.
        backward, forward: the mistakes by operation, made at each of its layers.
        layers: where it can be made.
        everywhere: whether it is made at one layer or at all of them; None for either.
    """

    name: str
    explanation: str
    mend: str
    operation: str
    layers: Callable[[Network], list[int]]
    backward: Mapping[str, Mistake] = field(default_factory=dict)
    forward: Mapping[str, Mistake] = field(default_factory=dict)
    wrong: str = ""
    everywhere: bool | None = None

    @property
    def stage(self) -> str:
        """The pass in which it is made."""
        return "forward" if self.forward else "backward"

    @property
    def step(self) -> Step:
        """The operation that goes wrong first."""
        return (FORWARD if self.forward else BACKWARD)[self.operation]

    def candidates(self, network: Network) -> Iterator["Candidate"]:
        """The fault at every layer alone, at all at once, and at all but the first or the last.

        Loops over layers often treat these two apart.
        """
        layers = self.layers(network)
        if self.everywhere is not True:
            yield from (Candidate(self, (l,)) for l in layers)
        if self.everywhere is None and len(layers) > 2:
            for some in (layers[:-1], layers[1:]):
                yield Candidate(self, tuple(reversed(some)))
        if self.everywhere is not False and (len(layers) > 1 or (self.everywhere and layers)):
            yield Candidate(self, tuple(reversed(layers)), every=True)


@dataclass(frozen=True)
class Candidate:
    """A fault at certain layers, the highest first.

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
        """The layer, where it is a single one."""
        return self.layers[0] if len(self.layers) == 1 else None

    @property
    def parts(self) -> tuple["Candidate", ...]:
        """The faults that it consists of."""
        alone = Candidate(self.fault, self.layers, every=self.every)
        return (alone,) if self.other is None else (alone, *self.other.parts)

    @property
    def where(self) -> str:
        """For people."""
        if self.layer is not None:
            return f"layer {self.layer}"
        if self.every:
            return "every layer"
        return f"layers {', '.join(map(str, sorted(self.layers)))}"

    @property
    def name(self) -> str:
        """For people and tables: the fault with its layer."""
        return " + ".join(f"{part.fault.name}, {part.where}" for part in self.parts)

    def predict(self, case: Case) -> Prediction:
        """Every gradient and value that code with this mistake gives.

        Raises:
            Inapplicable: it cannot be made here.
        """
        try:
            trace = forward_pass(case, self.changes("forward", FORWARD))
            gradients = backward_pass(case, trace, self.changes("backward", BACKWARD))
        except ValueError as error:  # one mistake's shape does not fit the other's
            raise Inapplicable from error
        return together(gradients, trace)

    def changes(self, stage: str, steps: Mapping[str, Step]) -> Changes:
        """The steps of a pass with the mistakes of every part applied one after the other."""
        changes: dict[tuple[str, int], Compute] = {}
        for part in self.parts:
            for operation, mistake in getattr(part.fault, stage).items():
                for l in part.layers:
                    right = changes.get((operation, l), steps[operation].compute)
                    changes[operation, l] = mistaken(right, mistake)
        return changes


def mistaken(right: Compute, mistake: Mistake) -> Compute:
    """A step with a mistake made in it."""
    return lambda at: mistake(at, right(at))


def right_values(case: Case) -> Prediction:
    """What code without a mistake gives."""
    trace = forward_pass(case)
    return together(backward_pass(case, trace), trace)
