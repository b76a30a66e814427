"""The derivation of every kind of layer, and the steps of a network in order of execution."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from compare.cases import Case
from compare.derivation.activations import ACTIVATIONS
from compare.derivation.affine import AFFINE
from compare.derivation.dropout import DROPOUT
from compare.derivation.letters import full_name, lettered, numbered
from compare.derivation.normalization import BATCH_NORM, LAYER_NORM
from compare.derivation.place import Changes, Derivation, Place, Step
from compare.derivation.sigmoid import BINARY_END, SQUARED_END
from compare.derivation.softmax import PLAIN_END, SMOOTHED_END
from twingrad.layers import Layer
from twingrad.network import Gradients, Network, Trace

Stage = Literal["forward", "backward"]

STAGES: tuple[Stage, ...] = ("forward", "backward")

DERIVATIONS: dict[str, Derivation] = {
    "affine": AFFINE,
    "batch_norm": BATCH_NORM,
    "layer_norm": LAYER_NORM,
    "dropout": DROPOUT,
    **{kind: activation.derivation for kind, activation in ACTIVATIONS.items()},
}
"""The steps of each kind of layer."""

ENDS: dict[str, Derivation] = {
    "cross_entropy": PLAIN_END,
    "binary_cross_entropy": BINARY_END,
    "squared_error": SQUARED_END,
}
"""The steps after the logits, for each loss without smoothing."""


@dataclass(frozen=True)
class Placed:
    """A step in a network.

    Arguments:
        step: the step.
        layer: the layer that it belongs to.
        l: the number of its result. The gradient of x1 is a step of layer 2, and its l is 1.
        name: of the value, or of the tensor whose gradient it is.
    """

    step: Step
    layer: Layer
    l: int
    name: str

    @property
    def title(self) -> str:
        """Its title, for people."""
        return self.step.title.replace("{l}", str(self.l)).replace("{input}", self.layer.input)

    @property
    def formula(self) -> str:
        """Its formula, with the number of every quantity."""
        return numbered(self.step.formula, self.layer)

    @property
    def plain_formula(self) -> str:
        """Its formula without numbers."""
        return lettered(self.step.formula, self.layer)

    @property
    def why(self) -> str:
        """The sentence that derives it, in the letters of the network."""
        return lettered(self.step.why, self.layer)

    def compute(
        self, case: Case, trace: Trace, gradients: Gradients, changes: Changes | None = None
    ) -> np.ndarray:
        """The result of the step, or of its replacement."""
        compute = (changes or {}).get((self.step.operation, self.l), self.step.compute)
        return np.asarray(compute(Place(case, self.layer, trace, gradients)))


def all_steps() -> Iterator[Step]:
    """Every step of every kind."""
    for derivation in (*DERIVATIONS.values(), *ENDS.values(), SMOOTHED_END):
        yield from (*derivation.forward, *derivation.backward, derivation.down)


def end_of(network: Network) -> tuple[Layer, Derivation]:
    """The steps of p, loss and cost."""
    last = network.layers[-1]
    layer = Layer(network.loss, last.number, last.output, last.width, last.width)
    return layer, SMOOTHED_END if network.smoothing else ENDS[network.loss]


@lru_cache(maxsize=256)
def steps_of(network: Network, stage: Stage) -> dict[tuple[str, int], Placed]:
    """Every step of a pass by operation and layer, in order of execution."""
    placed = forward_steps(network) if stage == "forward" else backward_steps(network)
    return {(one.step.operation, one.l): one for one in placed}


def forward_steps(network: Network) -> Iterator[Placed]:
    derived = [(layer, DERIVATIONS[layer.kind]) for layer in network.layers]
    for layer, derivation in (*derived, end_of(network)):
        for step in derivation.forward:
            yield Placed(step, layer, layer.number, full_name(layer, step.operation))


def backward_steps(network: Network) -> Iterator[Placed]:
    above, derivation = end_of(network)
    for layer in reversed(network.layers):
        yield Placed(derivation.down, above, layer.number, layer.output)
        above, derivation = layer, DERIVATIONS[layer.kind]
        for step in derivation.backward:
            yield Placed(step, layer, layer.number, full_name(layer, step.operation))
