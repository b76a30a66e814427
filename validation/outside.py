"""How a fault outside the catalogue is defined: by a function with its name and explanation."""

from collections.abc import Callable
from typing import Any

import numpy as np

from compare.diagnosis.catalogue.fault import Mistake
from twingrad.network import Network
from validation.planting import OutsideFault

Layers = Callable[[Network], list[int]]


def outside(layers: Layers, *places: str) -> Callable[[Mistake], OutsideFault]:
    """Turn a function into a fault with its name; its docstring is the explanation.

    Arguments:
        layers: the layers at which it can be made.
        places: the steps that it changes, as "stage operation"; the first in order of execution is
            its true place.
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
    """The first layer."""
    return [1]


def elsewhere(value: np.ndarray, where: Any, other: np.ndarray) -> np.ndarray:
    """A copy of `value` with the entries of `other` at an index."""
    changed = value.copy()
    changed[where] = other[where]
    return changed
