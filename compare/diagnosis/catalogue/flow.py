"""Mistakes in the gradient that is passed down through W."""

import numpy as np

from compare.derivation import Place
from compare.diagnosis.catalogue.fault import (
    Fault,
    Inapplicable,
    Mistake,
    hidden,
)


def transposed_on_the_way_down(at: Place, right: np.ndarray) -> np.ndarray:
    if at.W.shape[0] != at.W.shape[1]:
        raise Inapplicable
    return at.G_s @ at.W.T


def down_through_layer(offset: int) -> Mistake:
    """Use W of a layer above or below."""

    def mistake(at: Place, right: np.ndarray) -> np.ndarray:
        W = at.case.parameters.get(f"W{at.l + offset}")
        if W is None or W.shape != at.W.shape:
            raise Inapplicable
        return at.G_s @ W

    return mistake


def through_gradient(share: float) -> Mistake:
    """Use the gradient of W instead of W, without a share of the penalty's part."""
    return lambda at, right: at.G_s @ (at.G_W - share * 2 * at.penalty * at.W)


DOWN_FAULTS = (
    Fault(
        "W transposed on the way down",
        "On the way down to x of {where} the W of the layer above is transposed.",
        "With samples in rows write G @ W, with samples in columns W.T @ G.",
        "down",
        hidden,
        {"down": transposed_on_the_way_down},
        wrong="W",
    ),
    *(
        Fault(
            f"W of the layer {direction} on the way down",
            f"On the way down to x of {{where}} the W of the layer {direction} was taken.",
            "Take the W whose s the gradient is by.",
            "down",
            hidden,
            {"down": down_through_layer(offset)},
            wrong="W",
            everywhere=False,
        )
        for direction, offset in (("below", -1), ("above", 1), ("two below", -2), ("two above", 2))
    ),
    *(
        Fault(
            f"gradient of W for W on the way down{more}",
            f"On the way down to x of {{where}} the gradient of W was taken for W{more}.",
            "Multiply by W.",
            "down",
            hidden,
            {"down": through_gradient(share)},
            wrong="W",
        )
        for more, share in (("", 0), (", without the penalty's part", 1))
    ),
)
"""Mistakes in the gradient that is passed down through W."""
