"""Mistakes in the gradient on its way down: at the logits, and through W."""

import numpy as np

from compare.derivation import Place
from compare.diagnosis.catalogue.fault import (
    Fault,
    Inapplicable,
    Mistake,
    hidden,
    last,
)
from compare.diagnosis.catalogue.parameters import negated, over_n, times_n


def transposed_on_the_way_down(at: Place, right: np.ndarray) -> np.ndarray:
    if at.W.shape[0] != at.W.shape[1]:
        raise Inapplicable
    return at.G_s @ at.W.T


def down_through_layer(offset: int) -> Mistake:
    """W of the layer so many above the right one, or below."""

    def mistake(at: Place, right: np.ndarray) -> np.ndarray:
        W = at.case.parameters.get(f"W{at.l + offset}")
        if W is None or W.shape != at.W.shape:
            raise Inapplicable
        return at.G_s @ W

    return mistake


def down_through_updated(eta: float) -> Mistake:
    """W after its own update."""

    def mistake(at: Place, right: np.ndarray) -> np.ndarray:
        return right - eta * at.G_s @ at.G_W

    return mistake


def mean_over_all_entries(at: Place, right: np.ndarray) -> np.ndarray:
    return right / at.case.network.classes


def p_alone(at: Place, right: np.ndarray) -> np.ndarray:
    return right + at.Y / at.n


def signs_of_y(at: Place, right: np.ndarray) -> np.ndarray:
    return right + 2 * at.Y / at.n


SOFTMAX_FAULTS = (
    Fault(
        "not divided by n",
        "G is not divided by n: the loss is a mean over the minibatch, these are gradients of its "
        "sum.",
        "Divide p - Y by n, once.",
        "softmax",
        last,
        {"softmax": times_n},
        wrong="/ n",
        everywhere=False,
    ),
    Fault(
        "divided by n twice",
        "Everything but the penalty's part is divided by n twice.",
        "Divide p - Y by n, and nothing after it.",
        "softmax",
        last,
        {"softmax": over_n},
        wrong="/ n",
        everywhere=False,
    ),
    Fault(
        "mean over all entries",
        "G is divided by n times the number of classes, as a mean over all entries does.",
        "Divide by n alone.",
        "softmax",
        last,
        {"softmax": mean_over_all_entries},
        wrong="/ n",
        everywhere=False,
    ),
    Fault(
        "divided by d for n",
        "G is divided by the number of inputs instead of the number of samples.",
        "Divide by n; with samples in columns that is X.shape[1].",
        "softmax",
        last,
        {"softmax": lambda at, right: right * at.n / at.case.network.inputs},
        wrong="/ n",
        everywhere=False,
    ),
    Fault(
        "sign of G",
        "The gradient has the wrong sign but for the penalty's part: Y - p stands for p - Y.",
        "Write p - Y.",
        "softmax",
        last,
        {"softmax": negated},
        wrong="(p - Y)",
        everywhere=False,
    ),
    Fault(
        "p for p - Y",
        "G is p / n: the one-hot classes were not subtracted.",
        "Write (p - Y) / n.",
        "softmax",
        last,
        {"softmax": p_alone},
        wrong="(p - Y)",
        everywhere=False,
    ),
    Fault(
        "p + Y for p - Y",
        "The one-hot classes were added to p instead of subtracted.",
        "Write (p - Y) / n.",
        "softmax",
        last,
        {"softmax": signs_of_y},
        wrong="(p - Y)",
        everywhere=False,
    ),
)
"""Mistakes in the gradient by the logits."""

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
            f"W updated before it is used (eta {eta:g})",
            "On the way down to x of {where} W has had its update already.",
            "Compute every gradient first, then update.",
            "down",
            hidden,
            {"down": down_through_updated(eta)},
            wrong="W",
        )
        for eta in (1.0, 0.1, 0.05, 0.01, 0.005, 0.001, 1e-4, 1e-5)
    ),
)
"""Mistakes in the gradient passed down through W."""
