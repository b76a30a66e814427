"""The backward pass: one step for each gradient. G_x is d cost / d x."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from compare.cases import Case
from compare.derivation.place import Changes
from compare.derivation.steps import steps_of
from twingrad.network import Gradients, Network, Trace


def order(network: Network) -> Iterator[tuple[str, int, str]]:
    """(operation, layer, tensor whose gradient it is) in order of execution."""
    for (operation, l), placed in steps_of(network, "backward").items():
        yield operation, l, placed.name


def node(network: Network, operation: str, l: int) -> str:
    """The tensor whose gradient an operation computes: ("mask", 2) is s_tilde2 or s2."""
    return steps_of(network, "backward")[operation, l].name


@lru_cache(maxsize=256)
def operations(network: Network) -> dict[str, tuple[str, int]]:
    """For each tensor, the operation that computes its gradient, and its layer."""
    return {name: (operation, l) for operation, l, name in order(network)}


def operation_of(network: Network, name: str) -> tuple[str, int]:
    """The inverse of `node`: the operation that computes the gradient by `name`, and its layer."""
    return operations(network)[name]


def backward_pass(case: Case, trace: Trace, changes: Changes | None = None) -> Gradients:
    """Every gradient in order of execution, with some steps replaced.

    Arguments:
        case: float64.
        trace: of the forward pass, right or wrong.
        changes: mistakes, or gradients to take as given.
    """
    gradients: Gradients = {}
    for placed in steps_of(case.network, "backward").values():
        gradients[placed.name] = placed.compute(case, trace, gradients, changes)
    return gradients


def step_from(case: Case, trace: Trace, gradients: Gradients, name: str) -> np.ndarray:
    """The gradient of a tensor, computed by the right step from the gradients given.

    Raises:
        KeyError: a gradient that the step needs is not among them.
    """
    placed = steps_of(case.network, "backward")[operation_of(case.network, name)]
    return placed.compute(case, trace, gradients)
