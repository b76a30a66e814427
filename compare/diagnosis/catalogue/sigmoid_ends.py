"""Mistakes after the logits of a network with sigmoids as outputs: in the gradient of the logits,
and in the binary cross-entropy."""

from collections.abc import Callable

import numpy as np
from scipy.special import expit

from compare.derivation import Place
from compare.derivation.sigmoid import slope
from compare.diagnosis.catalogue import ends
from compare.diagnosis.catalogue.fault import Fault, Replacement, with_loss

Values = Callable[[Place], np.ndarray]
"""(n, classes)"""

BINARY, SQUARED = with_loss("binary_cross_entropy"), with_loss("squared_error")


def difference(at: Place) -> np.ndarray:
    return ends.difference(at, at.p)


def by_p(at: Place) -> np.ndarray:
    """The binary cross-entropy's gradient by p, (p - Y) / (p (1 - p) n)."""
    return difference(at) / slope(at)


def of_the_class_alone(at: Place) -> np.ndarray:
    """The derivative of -1/n sum_ij Y_ij log p_ij."""
    return at.Y * difference(at)


GRADIENTS = (
    (
        "gradient of a squared error, sigmoids",
        "The gradient of the logits is multiplied by p (1 - p), as for a squared error.",
        "With the binary cross-entropy p (1 - p) cancels: write (p - Y) / n.",
        BINARY,
        lambda at: difference(at) * slope(at),
    ),
    (
        "gradient by p for that by the logits, sigmoids",
        "The gradient of the logits is (p - Y) / (p (1 - p) n), which is that of p.",
        "Multiply it by p (1 - p), the sigmoid's slope.",
        BINARY,
        by_p,
    ),
    (
        "gradient without 1 - Y",
        "The gradient of the logits is that of -Y log p alone.",
        "Write (p - Y) / n, the derivative of both logarithms.",
        BINARY,
        of_the_class_alone,
    ),
    (
        "sigmoid's slope left out",
        "The gradient of the logits is (p - Y) / n, without the sigmoid's slope. That is the "
        "gradient of the binary cross-entropy.",
        "Multiply by p (1 - p), or take the binary cross-entropy as the cost.",
        SQUARED,
        difference,
    ),
    (
        "sigmoid's slope at p",
        "The sigmoid's slope is taken at p instead of s, so the sigmoid is applied twice.",
        "The slope is p (1 - p).",
        SQUARED,
        lambda at: difference(at) * expit(at.p) * expit(-at.p),
    ),
    (
        "s (1 - s) for the sigmoid's slope",
        "The sigmoid's slope is s (1 - s), with the logits for p.",
        "The slope is p (1 - p).",
        SQUARED,
        lambda at: difference(at) * at.s * (1 - at.s),
    ),
    (
        "p for the sigmoid's slope",
        "The sigmoid's slope is p, without the factor 1 - p.",
        "The slope is p (1 - p).",
        SQUARED,
        lambda at: difference(at) * at.p,
    ),
    (
        "1 - p for the sigmoid's slope",
        "The sigmoid's slope is 1 - p, without the factor p.",
        "The slope is p (1 - p).",
        SQUARED,
        lambda at: difference(at) * (1 - at.p),
    ),
    (
        "slope of a tanh",
        "The slope of the output is that of a tanh, 1 - p^2.",
        "The sigmoid's slope is p (1 - p).",
        SQUARED,
        lambda at: difference(at) * (1 - at.p**2),
    ),
)
"""Name, description, fix, networks, and the gradient of the logits."""


def class_alone(at: Place, right: np.ndarray) -> np.ndarray:
    """-1/n sum_ij Y_ij log p_ij."""
    return np.asarray((at.Y * np.logaddexp(0, -at.s)).sum() / at.n)


SIGMOID_END_FAULTS = (
    *(
        Fault(
            name,
            said,
            fix,
            "output",
            layers,
            {"output": Replacement(values)},
            wrong="(p - Y)" if layers is BINARY else "p (1 - p)",
            everywhere=False,
        )
        for name, said, fix, layers, values in GRADIENTS
    ),
    *(
        Fault(
            f"loss without 1 - Y{name}",
            "The loss is -1/n sum Y log p: the second logarithm is missing. The backward pass "
            f"{does}.",
            "Add -(1 - Y) log(1 - p).",
            "loss",
            BINARY,
            back,
            {"loss": class_alone},
            wrong="(1 - Y_ij) log(1 - p_ij)",
            everywhere=False,
        )
        for name, does, back in (
            ("", "differentiates that", {"output": Replacement(of_the_class_alone)}),
            (", forward alone", "is (p - Y) / n", {}),
        )
    ),
)
