"""Forms of the losses that differ by a factor, which people's code has with equal right."""

from collections.abc import Callable, Mapping

UNITS: Mapping[str, Callable[[int], dict[str, float]]] = {
    "cross_entropy": lambda K: {"cross-entropy of a softmax": 1.0},
    "binary_cross_entropy": lambda K: {
        "binary cross-entropy of sigmoids": 1.0,
        "binary cross-entropy of sigmoids, averaged over the classes": 1 / K,
    },
    "squared_error": lambda K: {
        "squared error of sigmoids, (p - Y)^2 / 2": 1.0,
        "squared error of sigmoids, (p - Y)^2": 2.0,
        "squared error of sigmoids, (p - Y)^2 / 2 averaged over the classes": 1 / K,
        "squared error of sigmoids, (p - Y)^2 averaged over the classes": 2 / K,
    },
}
"""The form in words, and what it is times ours, for K classes."""


def loss_words(loss: str, classes: int, unit: float) -> str:
    """The form of a loss that is so many times ours."""
    return next(said for said, factor in UNITS[loss](classes).items() if factor == unit)
