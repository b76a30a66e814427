"""Mistakes of dropout."""

from collections.abc import Callable

import numpy as np

from compare.derivation import Place
from compare.diagnosis.catalogue.fault import Fault, Inapplicable, Mistake, layer_at, with_kind

Factor = Callable[[Place], np.ndarray]
"""The factor of a value, and of its gradient."""

DROPPED = with_kind("dropout")


def mask_of_layer(offset: int) -> Factor:
    """The scaled mask of a layer above or below."""

    def factor(at: Place) -> np.ndarray:
        other = layer_at(at, "dropout", offset)
        if other.mask.shape != at.mask.shape:
            raise Inapplicable
        return other.mask / at.keep

    return factor


def forward(factor: Factor) -> dict[str, Mistake]:
    """Dropout's forward pass with another factor."""
    return {"x_drop": lambda at, right: at.x * factor(at)}


def backward(factor: Factor) -> dict[str, Mistake]:
    """Dropout's backward pass with another factor."""
    return {"drop": lambda at, right: at.G_x_drop * factor(at)}


FACTORS: tuple[tuple[str, str, str, Factor, str], ...] = (
    *(
        (
            f"mask from the layer {direction}",
            f"takes the mask of the layer {direction}",
            "Check the index of the layer.",
            mask_of_layer(offset),
            "mask",
        )
        for direction, offset in (("above", 1), ("below", -1))
    ),
)
"""Name, description, fix, factor, and the wrong part of the formula."""

DROPOUT_FAULTS = (
    *(
        Fault(
            f"{name} on the way back",
            f"The backward pass of dropout at {{where}} {does}.",
            fix,
            "drop",
            DROPPED,
            backward(factor),
            wrong=wrong,
            everywhere=False,
        )
        for name, does, fix, factor, wrong in FACTORS
    ),
    *(
        Fault(
            f"{name} in the forward pass",
            f"The forward pass of dropout at {{where}} {does}; the backward pass is right.",
            fix,
            "x_drop",
            DROPPED,
            forward=forward(factor),
            wrong=wrong,
            everywhere=False,
        )
        for name, does, fix, factor, wrong in FACTORS
    ),
    *(
        Fault(
            name,
            f"Dropout at {{where}} {does}, in both passes.",
            fix,
            "x_drop",
            DROPPED,
            backward(factor),
            forward(factor),
            wrong=wrong,
            everywhere=False,
        )
        for name, does, fix, factor, wrong in FACTORS
    ),
)
