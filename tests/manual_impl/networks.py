"""Tiny networks of every combination of layer kinds, with parameters and a minibatch."""

from dataclasses import dataclass
from itertools import product

import numpy as np

import manual_impl
from tests.support import random_masks, random_parameters, random_samples, smallest_variance
from twingrad.layers import ACTIVATIONS, NORMALIZATIONS
from twingrad.network import Masks, Network, Parameters

PENALTY = 0.1

DEEP = (4, 3, 2)
"""Hidden widths in which every combination of kinds is tried."""

LOSS_TURNS = (
    *("cross_entropy", "cross_entropy", "binary_cross_entropy"),
    *("cross_entropy", "cross_entropy", "squared_error"),
)
"""The second and the fifth with smoothing."""

SHAPES = [(), (3,), (2, 4), (1, 3)]
"""And those in which dropout, smoothing and losses take turns; layer norm is not in the last."""


@dataclass(frozen=True)
class Example:
    network: Network
    parameters: Parameters
    X: np.ndarray
    y: np.ndarray
    masks: Masks | None

    def __str__(self) -> str:
        network = self.network
        shape = "-".join(str(width) for width in network.widths)
        words = [network.normalization, network.activation, shape, f"n={len(self.y)}"]
        if network.dropout:
            words.append("dropout")
        if network.smoothing:
            words.append("smoothing")
        if network.loss != "cross_entropy":
            words.append(network.loss)
        return " ".join(words)

    @property
    def arguments(self):
        return (self.network, self.parameters, self.X, self.y)


def example(network: Network, n: int) -> Example:
    """With the first seed for which no variance is so small that it amplifies rounding."""
    for seed in range(500):
        parameters, (X, y) = random_parameters(network, seed), random_samples(network, n, seed)
        masks = random_masks(network, n, seed)
        trace = manual_impl.forward(network, parameters, X, y, penalty=PENALTY, masks=masks)
        if smallest_variance(trace) > 1e-2:
            return Example(network, parameters, X, y, masks)
    raise AssertionError(f"{network}: every seed has a unit that hardly varies")


def combinations():
    """(normalization, activation, dropout, smoothing, hidden, loss) of every example."""
    for kinds in product(NORMALIZATIONS, ACTIVATIONS, (0.0, 0.4), (0.0, 0.3)):
        yield *kinds, DEEP, "cross_entropy"
    for number, (normalization, activation, hidden) in enumerate(
        product(NORMALIZATIONS, ACTIVATIONS, SHAPES)
    ):
        unlike = normalization == "layer" and 1 in hidden
        if not unlike and (hidden or normalization == "none"):
            yield (
                normalization,
                activation,
                (0.0, 0.4)[number % 2],
                0.3 if number % 6 in (1, 4) else 0.0,
                hidden,
                LOSS_TURNS[number % len(LOSS_TURNS)],
            )


def examples() -> list[Example]:
    """Batches of 2 to 7 samples."""
    return [
        example(
            Network(
                3,
                hidden,
                3,
                normalization=normalization,
                activation=activation,
                slope=0.3,
                dropout=dropout,
                smoothing=smoothing,
                eps=1e-5 if number % 2 else 1e-10,
                loss=loss,
            ),
            2 + number % 6,
        )
        for number, (normalization, activation, dropout, smoothing, hidden, loss) in enumerate(
            combinations()
        )
    ]


EXAMPLES = examples()

DEEPEST = [one for one in EXAMPLES if one.network.hidden == DEEP]
"""One of every combination of kinds, of four layers."""
