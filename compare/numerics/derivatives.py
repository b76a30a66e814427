"""Two derivatives of the hand-written forward pass that know nothing of its backward pass.

Complex step (Squire and Trapp 1998): J(w + ih) = J(w) + ih J'(w) + O(h^2), so Im J / h with a
tiny h has no subtraction and is exact to rounding. Central differences are what the courses
use: good to about 1e-9 here, and wrong across a kink of a ReLU. The four-point rule
(8 D(h) - D(2h)) / 12h with D(h) = J(w + h) - J(w - h) is taken: batch norm over three samples
can bend the cost so much that the two-point rule D(h) / 2h is off by 1e-4.
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
"""h, far below rounding, far above underflow."""

CENTRAL_STEP = 1e-6
"""h: rounding, 1e-16 J / h, stays near 1e-9, and few kinks lie so near."""


@dataclass(frozen=True)
class Probe:
    """A direction in the space of one parameter: an entry, or a random one.

    Arguments:
        name: the parameter.
        index: of the entry; None for a random direction.
        direction: of the parameter's shape.
    """

    name: str
    index: tuple[int, ...] | None
    direction: Float[np.ndarray, "..."]


@dataclass
class Derivatives:
    """Along the probes of one parameter, in their order; NaN where a kink was crossed."""

    probes: list[Probe] = field(default_factory=list)
    complex_step: list[float] = field(default_factory=list)
    central: list[float] = field(default_factory=list)


def probes(
    parameters: Parameters, rng: np.random.Generator, *, every_below: int, entries: int
) -> Iterator[Probe]:
    """What to differentiate along.

    Arguments:
        parameters: their names and shapes.
        rng: draws the sample and the directions.
        every_below: a tensor with at most so many entries is probed at each of them.
        entries: a larger one at so many of them, and along 3 random directions (standard normal).
    """
    for name, value in parameters.items():
        if value.size <= every_below:
            chosen = np.arange(value.size)
        else:
            chosen = np.sort(rng.choice(value.size, size=entries, replace=False))
        for flat in chosen:
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
        implementation: its forward pass is differentiated; it must run in complex128.
        case: float64.
        along: the probes.

    Returns:
        By parameter. A central difference is NaN where an activation's kink lies between the two
        sides: there the cost has no derivative to compare with.
    """
    found: dict[str, Derivatives] = {}
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

        entry = found.setdefault(probe.name, Derivatives())
        entry.probes.append(probe)
        entry.complex_step.append(complex_step)
        entry.central.append(central)
    return found


def crosses_kink(network: Network, plus: Mapping[str, Any], minus: Mapping[str, Any]) -> bool:
    """Whether some activation's input is above its kink on one side and not on the other."""
    inputs = [layer.input for layer in kinked(network)]
    return any(np.any((plus[s] > 0) != (minus[s] > 0)) for s in inputs)


def kinked(network: Network) -> list[Layer]:
    """The activations with a kink at 0."""
    return [
        layer
        for layer in network.layers
        if layer.kind in ACTIVATIONS and ACTIVATIONS[layer.kind].kink
    ]
