"""Mistakes of label smoothing."""

from collections.abc import Callable

import numpy as np

from compare.derivation import Place
from compare.derivation.softmax import log_probabilities
from compare.diagnosis.catalogue.fault import Fault, Mistake
from twingrad.network import Network

Targets = Callable[[Place], np.ndarray]
"""(n, classes)"""


def smoothed(network: Network) -> list[int]:
    """The layer of the logits, where the network smooths labels."""
    return [network.depth] if network.smoothing else []


def over_the_others(at: Place) -> np.ndarray:
    """The share is spread over the other classes only."""
    share, classes = at.case.network.smoothing, at.case.network.classes
    return (1 - share) * at.one_hot + share / (classes - 1) * (1 - at.one_hot)


def added(at: Place) -> np.ndarray:
    """The share is added to every class, and the right class stays at 1."""
    return at.one_hot + at.case.network.smoothing / at.case.network.classes


def not_divided(at: Place) -> np.ndarray:
    """Every class gets the whole share."""
    return (1 - at.case.network.smoothing) * at.one_hot + at.case.network.smoothing


def scaled_alone(at: Place) -> np.ndarray:
    """The right class is reduced, and the others stay at 0."""
    return (1 - at.case.network.smoothing) * at.one_hot


def gradient_with(targets: Targets) -> dict[str, Mistake]:
    return {"softmax": lambda at, right: right + (at.Y - targets(at)) / at.n}


def derivative_with(targets: Targets) -> dict[str, Mistake]:
    """The derivative of -sum_j t_j log p_j, as the t_j may not add up to 1."""

    def mistake(at: Place, right: np.ndarray) -> np.ndarray:
        t = targets(at)
        return (t.sum(axis=1, keepdims=True) * at.p - t) / at.n

    return {"softmax": mistake}


def loss_with(targets: Targets) -> dict[str, Mistake]:
    return {
        "loss": lambda at, right: np.asarray(-(targets(at) * log_probabilities(at)).sum() / at.n)
    }


WAYS: tuple[tuple[str, str, str, Targets], ...] = (
    (
        "smoothing left out",
        "takes the classes as they are",
        "Smooth them: 1 - a + a/K for the class, a/K for the others.",
        lambda at: at.one_hot,
    ),
    (
        "smoothing over the other classes",
        "spreads the share over all classes but the right one",
        "Divide it by the number of all classes, and give the class its part.",
        over_the_others,
    ),
    (
        "smoothing added",
        "adds the share to the class's 1, so that the targets add up to more than 1",
        "Give the class 1 - a + a/K.",
        added,
    ),
    (
        "smoothing not divided by the classes",
        "gives every class the whole share",
        "Divide it by the number of classes.",
        not_divided,
    ),
    (
        "smoothing of the class alone",
        "makes the class's target smaller and leaves the others at 0",
        "Spread what was taken over all classes.",
        scaled_alone,
    ),
)
"""Name, description, fix, and targets."""

SMOOTHING_FAULTS = (
    *(
        Fault(
            f"{name} in the gradient",
            f"The gradient by the logits {does}; the loss is right.",
            fix,
            "softmax",
            smoothed,
            gradient_with(targets),
            wrong="Y",
            everywhere=False,
        )
        for name, does, fix, targets in WAYS
    ),
    *(
        Fault(
            f"{name} in the loss",
            f"The loss {does}; the gradient is right.",
            fix,
            "loss",
            smoothed,
            forward=loss_with(targets),
            everywhere=False,
        )
        for name, does, fix, targets in WAYS
    ),
    *(
        Fault(
            name,
            f"Label smoothing {does}, in the loss and in the gradient.",
            fix,
            "loss",
            smoothed,
            derivative_with(targets),
            loss_with(targets),
            everywhere=False,
        )
        for name, does, fix, targets in WAYS
    ),
)
