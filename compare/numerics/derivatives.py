"""Two numerical derivatives of the forward pass by hand, independent of its backward pass.

Complex step (Squire and Trapp 1998): J(w + ih) = J(w) + ih J'(w) + O(h^2), so Im J / h with a tiny
h needs no subtraction and is exact to rounding. Central differences are what courses use: accurate
to about 1e-9 here, and wrong across the kink of a ReLU. They use the four-point rule
(8 D(h) - D(2h)) / 12h with D(h) = J(w + h) - J(w - h), because batch norm over three samples can
make the cost so curved that the two-point rule D(h) / 2h has an error of 1e-4.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from compare.cases import Case
from compare.derivation.activations import ACTIVATIONS
from twingrad.contract import Implementation
from twingrad.layers import Layer
from twingrad.network import Network, Parameters

COMPLEX_STEP = 1e-150
"""h: far below rounding, far above underflow."""

CENTRAL_STEP = 1e-6
"""h: the rounding error, 1e-16 J / h, is near 1e-9, and few kinks are that close."""


@dataclass(frozen=True)
class Probe:
    """A direction in the space of one parameter: a single entry or a random direction.

    Arguments:
        name: the parameter.
        index: of the entry; None for a random direction.
        direction: in the parameter's shape.
    """

    name: str
    index: tuple[int, ...] | None
    direction: Float[np.ndarray, "..."]


@dataclass
class Derivatives:
    """Derivatives along the probes of one parameter; `central` is NaN where a kink was crossed."""

    probes: list[Probe] = field(default_factory=list)
    complex_step: list[float] = field(default_factory=list)
    central: list[float] = field(default_factory=list)


def probes(
    parameters: Parameters, rng: np.random.Generator, *, every_below: int, entries: int
) -> Iterator[Probe]:
    """Choose directions to differentiate along.

    Arguments:
        parameters: their names and shapes are used.
        rng: draws the entries and the directions.
        every_below: in a tensor with at most this many entries, every entry is probed.
        entries: number of entries probed in a larger tensor, along with 3 random directions
            (standard normal).
    """
    for name, value in parameters.items():
        if value.size <= every_below:
            positions = np.arange(value.size)
        else:
            positions = np.sort(rng.choice(value.size, size=entries, replace=False))
        for flat in positions:
            direction = np.zeros(value.shape)
            direction.flat[flat] = 1
            index = tuple(int(i) for i in np.unravel_index(flat, value.shape))
            yield Probe(name, index, direction)
        if value.size > every_below:
            for _ in range(3):
                yield Probe(name, None, rng.standard_normal(value.shape))


def derivatives(
    implementation: Implementation, case: Case, *, along: Iterator[Probe]
) -> dict[str, Derivatives]:
    """Both numerical derivatives of the cost along every probe.

    Arguments:
        implementation: its forward pass is differentiated, and must run in complex128.
        case: float64.
        along: the probes.

    Returns:
        Derivatives by parameter. A central difference is NaN if an activation crosses its kink
        between the two sides, where the cost may have no derivative.
    """
    by_parameter: dict[str, Derivatives] = {}
    parameters = case.parameters
    complex_parameters = {name: value.astype(complex) for name, value in parameters.items()}
    for probe in along:
        value = parameters[probe.name]
        moved = complex_parameters | {probe.name: value + 1j * COMPLEX_STEP * probe.direction}
        trace = replace(case, parameters=moved).forward(implementation)
        complex_step = float(trace["cost"].imag) / COMPLEX_STEP

        sides = [
            replace(
                case,
                parameters=parameters
                | {probe.name: value + steps * CENTRAL_STEP * probe.direction},
            ).forward(implementation)
            for steps in (2, 1, -1, -2)
        ]
        far, near, near_below, far_below = (float(side["cost"]) for side in sides)
        central = (8 * (near - near_below) - (far - far_below)) / (12 * CENTRAL_STEP)
        if crosses_kink(case.network, sides[0], sides[-1]):
            central = np.nan

        results = by_parameter.setdefault(probe.name, Derivatives())
        results.probes.append(probe)
        results.complex_step.append(complex_step)
        results.central.append(central)
    return by_parameter


def crosses_kink(network: Network, plus: Mapping[str, Any], minus: Mapping[str, Any]) -> bool:
    """Whether the input of any activation is above its kink on only one of the two sides."""
    inputs = [layer.input for layer in kinked(network)]
    return any(np.any((plus[s] > 0) != (minus[s] > 0)) for s in inputs)


def kinked(network: Network) -> list[Layer]:
    """The activations with a kink at 0."""
    return [
        layer
        for layer in network.layers
        if layer.kind in ACTIVATIONS and ACTIVATIONS[layer.kind].kink
    ]
