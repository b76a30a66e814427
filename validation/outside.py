"""Faults that the catalogue does not have: how they are said, and all of them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from compare.diagnosis.catalogue.fault import Mistake
from twingrad.network import Network
from validation.planting import OutsideFault

Layers = Callable[[Network], list[int]]


def outside(layers: Layers, *places: str) -> Callable[[Mistake], OutsideFault]:
    """Makes a fault of a function, named by it, with its docstring as the explanation.

    Arguments:
        layers: where it can be made.
        places: "stage operation" each; the first in order of execution is its true place.
    """

    def made(mistake: Mistake) -> OutsideFault:
        return OutsideFault(
            name=mistake.__name__.replace("_", " "),
            explanation=str(mistake.__doc__),
            layers=layers,
            mistakes={(place.split()[0], place.split()[1]): mistake for place in places},
        )

    return made


def first(network: Network) -> list[int]:
    """The layer of the inputs."""
    return [1]


def elsewhere(value: np.ndarray, where: Any, other: np.ndarray) -> np.ndarray:
    """A copy of `value` with the entries of `other` at an index."""
    changed = value.copy()
    changed[where] = other[where]
    return changed
