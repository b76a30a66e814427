"""Random architectures with every kind of layer, for `check --random` and the tests."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from compare.cases import Case, random_case
from compare.derivation import forward_pass
from twingrad.layers import ACTIVATIONS, LOSSES, NORMALIZATIONS
from twingrad.network import Network
from twingrad.streams import stream

TRIES = 10
"""Seeds for one architecture, until its samples differ in every layer."""

ALIKE = 1e-20
"""Variance of a unit, below which its samples are called alike: inputs have a variance of 1."""


def random_cases(count: int, seed: int) -> Iterator[Case]:
    """Networks with 1 to 9 hidden layers of every kind; every third is an extreme case.

    Widths are 1 to 40 and batches 2 to 100, or 1 to 5 and 2 to 7 in extreme cases. There are 1 to
    60 inputs, and up to 3072 in every third network. Every second network has random kinds of
    layer; with layer norm, widths are at least 2.
    """
    rng = stream(seed, "architectures")
    kinds = stream(seed, "kinds")
    for number in range(count):
        awkward = number % 3 == 2
        widths = rng.integers(1, 6 if awkward else 41, size=rng.integers(1, 10))
        samples = int(rng.integers(2, 8 if awkward else 101))
        inputs = int(rng.integers(1, 3073 if number % 3 == 1 else 61))
        network = Network(
            inputs, tuple(map(int, widths)), 10, "batch" if bool(rng.integers(2)) else "none"
        )
        penalty = float(rng.choice([0.0, 0.005, 0.1]))
        if number % 2:
            network = with_random_kinds(network, kinds)
        yield varied_case(network, samples, penalty, seed + number)


def with_random_kinds(network: Network, rng: np.random.Generator) -> Network:
    """The network with random normalisation, activation, dropout, smoothing and loss."""
    normalization = str(rng.choice(list(NORMALIZATIONS)))
    loss = str(rng.choice(LOSSES))
    least = 2 if normalization == "layer" else 1
    return replace(
        network,
        hidden=tuple(max(width, least) for width in network.hidden),
        normalization=normalization,
        activation=str(rng.choice(ACTIVATIONS)),
        slope=float(rng.choice([0.01, 0.2, -0.1])),
        dropout=float(rng.choice([0.0, 0.2, 0.5])),
        smoothing=float(rng.choice([0.0, 0.1])) if loss == "cross_entropy" else 0.0,
        loss=loss,
    )


def varied_case(network: Network, samples: int, penalty: float, seed: int) -> Case:
    """A case in which no batch norm normalises rounding errors.

    A ReLU or dropout may remove every difference between the samples. Batch norm then divides by
    sqrt(eps) = 1.5e-8 in layer after layer, and two formulas no longer give the same digits. If
    several seeds give only such cases, the network gets no normalisation.
    """
    for attempt in range(TRIES):
        case = random_case(network, samples, penalty=penalty, seed=seed + 1_000_003 * attempt)
        if varies(case):
            return case
    network = replace(network, normalization="none")
    return random_case(network, samples, penalty=penalty, seed=seed)


def varies(case: Case) -> bool:
    """Whether the samples differ in every unit at the input of each batch norm.

    Units that the ReLU directly below sets to 0 for every sample do not count: their output is
    constant in any formula.
    """
    trace = forward_pass(case)
    for layer in case.network.layers:
        if layer.kind == "batch_norm":
            alike = trace[layer.name("v")] < ALIKE
            cut_off = (trace[layer.input] == 0).all(axis=0) & (case.network.activation == "relu")
            if np.any(alike & ~cut_off):
                return False
    return True
