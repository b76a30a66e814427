"""What `check` tries: networks with their parameters and a minibatch."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from twingrad.network import Network, Parameters
from twingrad.streams import stream


@dataclass(frozen=True)
class Case:
    """A network with its parameters and a minibatch, all float64."""

    name: str
    network: Network
    parameters: Parameters
    X: Float[np.ndarray, "n d"]
    y: Int[np.ndarray, " n"]
    penalty: float


def random_case(network: Network, samples: int, *, penalty: float, seed: int) -> Case:
    """Standard normal samples, He's weights, and b, gamma, beta off their special values.

    At b = 0, gamma = 1, beta = 0 several wrong gradients are right by accident.
    """
    rng = stream(seed, "check")
    parameters: Parameters = {}
    for name, shape in network.parameter_shapes.items():
        if name.startswith("W"):
            parameters[name] = rng.standard_normal(shape) * (2 / shape[1]) ** 0.5
        elif name.startswith("gamma"):
            parameters[name] = rng.uniform(0.5, 1.5, shape)
        else:
            parameters[name] = 0.1 * rng.standard_normal(shape)
    norm = " BN" if network.batch_norm else ""
    shape_text = "-".join(str(width) for width in network.widths)
    return Case(
        name=f"{shape_text}{norm} n={samples} lambda={penalty:g}",
        network=network,
        parameters=parameters,
        X=rng.standard_normal((samples, network.inputs)),
        y=rng.integers(network.classes, size=samples),
        penalty=penalty,
    )


def standard_cases(seed: int) -> Iterator[Case]:
    """Small nets whose every parameter is probed: 1 to 9 layers, and the sizes that are special.

    Two samples, where batch norm leaves no gradient; a width of 1; no penalty.
    """
    for batch_norm in (False, True):
        for hidden, samples, penalty in [
            ((), 7, 0.1),
            ((7,), 2, 0.005),
            ((1,), 5, 0.1),
            ((9, 8), 20, 0.0),
            ((12, 9, 8), 20, 0.005),
            ((10, 8, 7, 6), 30, 0.1),
            ((9, 8, 7, 6, 6, 6, 6, 6), 40, 0.005),
        ]:
            if hidden or not batch_norm:
                network = Network(10, hidden, 10, batch_norm)
                yield random_case(network, samples, penalty=penalty, seed=seed)


def random_cases(count: int, seed: int) -> Iterator[Case]:
    """Nets of 1 to 9 hidden layers, with and without batch norm, a third of them awkward.

    Widths are 1 to 40 and batches 2 to 100, in the awkward ones 1 to 5 and 2 to 7; inputs are
    1 to 60, in every third 1 to 3072.
    """
    rng = stream(seed, "architectures")
    for number in range(count):
        awkward = number % 3 == 2
        widths = rng.integers(1, 6 if awkward else 41, size=rng.integers(1, 10))
        samples = int(rng.integers(2, 8 if awkward else 101))
        inputs = int(rng.integers(1, 3073 if number % 3 == 1 else 61))
        network = Network(inputs, tuple(map(int, widths)), 10, bool(rng.integers(2)))
        penalty = float(rng.choice([0.0, 0.005, 0.1]))
        yield random_case(network, samples, penalty=penalty, seed=seed + number)
