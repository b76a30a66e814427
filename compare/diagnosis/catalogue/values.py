"""Mistakes in the values: the cost, and what it is computed of."""

import numpy as np

from compare.derivation import Place
from compare.derivation.softmax import squared_weights
from compare.diagnosis.catalogue.fault import Fault, Inapplicable, Mistake, last, weights
from compare.diagnosis.catalogue.parameters import scale_penalty, times_n


def penalty_times(factor: float) -> Mistake:
    """The cost with another share of the penalty."""
    return lambda at, right: right + (factor - 1) * at.penalty * squared_weights(at)


LOG_EPS = "guarded logarithm, "


def guarded_log(eps: float) -> Mistake:
    """-log(p + eps) for -log p."""

    def mistake(at: Place, right: np.ndarray) -> np.ndarray:
        return np.asarray(-(at.Y * np.log(at.p + eps)).sum() / at.n)

    return mistake


DEPTHS = range(1, 11)
"""Layers whose penalty may be forgotten."""


def penalty_of(l: int, *, without: bool) -> Mistake:
    """The penalty of all layers but one, or of that one alone."""

    def mistake(at: Place, right: np.ndarray) -> np.ndarray:
        if l > at.case.network.depth or at.case.network.depth == 1:
            raise Inapplicable
        own = at.penalty * np.square(at.case.parameters[f"W{l}"]).sum()
        return right - own if without else at.trace["loss"] + own

    return mistake


VALUE_FAULTS = (
    Fault(
        "cost without penalty",
        "The cost lacks lambda sum ||W||^2.",
        "Add it.",
        "cost",
        last,
        forward={"cost": penalty_times(0)},
        wrong="+ lambda sum_l ||W_l||^2",
        everywhere=False,
    ),
    Fault(
        "cost with half the penalty",
        "The cost has lambda/2 sum ||W||^2, but the gradient belongs to lambda sum ||W||^2.",
        "Take the factor 1/2 out, or halve the penalty's part of the gradients.",
        "cost",
        last,
        forward={"cost": penalty_times(0.5)},
        wrong="lambda",
        everywhere=False,
    ),
    Fault(
        "cost with twice the penalty",
        "The cost has 2 lambda sum ||W||^2, but the gradient belongs to lambda sum ||W||^2.",
        "Halve it.",
        "cost",
        last,
        forward={"cost": penalty_times(2)},
        wrong="lambda",
        everywhere=False,
    ),
    *(
        Fault(
            f"cost without the penalty of W{l}",
            f"The cost lacks the penalty of W{l}.",
            "Sum over all layers.",
            "cost",
            last,
            forward={"cost": penalty_of(l, without=True)},
            wrong="sum_l",
            everywhere=False,
        )
        for l in DEPTHS
    ),
    *(
        Fault(
            f"cost with the penalty of W{l} alone",
            f"The cost has the penalty of W{l} alone.",
            "Sum over all layers.",
            "cost",
            last,
            forward={"cost": penalty_of(l, without=False)},
            wrong="sum_l",
            everywhere=False,
        )
        for l in DEPTHS
    ),
    *(
        Fault(
            f"{LOG_EPS}{eps:g}",
            f"The loss adds {eps:g} to p before the logarithm.",
            "Take the logarithm from the logits, which needs no such guard.",
            "loss",
            last,
            forward={"loss": guarded_log(eps)},
            wrong="log p_i,y",
            everywhere=False,
        )
        for eps in (1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12)
    ),
    Fault(
        "no penalty at all",
        "The penalty is in neither the cost nor the gradients.",
        "Add lambda sum ||W||^2 to the cost, and 2 lambda W to each gradient of W.",
        "cost",
        weights,
        {"W": scale_penalty(0)},
        {"cost": penalty_times(0)},
        wrong="+ lambda sum_l ||W_l||^2",
        everywhere=True,
    ),
    Fault(
        "summed for averaged",
        "Cost and gradients are those of a sum over the samples instead of a mean.",
        "Divide by n; in torch that is reduction='mean'.",
        "loss",
        last,
        {"softmax": times_n},
        {"loss": times_n},
        wrong="1/n",
        everywhere=False,
    ),
    Fault(
        "cost summed",
        "The cross-entropy is summed over the samples instead of averaged.",
        "Divide it by n.",
        "loss",
        last,
        forward={"loss": lambda at, right: right * at.n},
        wrong="1/n",
        everywhere=False,
    ),
    Fault(
        "cost averaged over all entries",
        "The cross-entropy is divided by n times the number of classes.",
        "Divide it by n.",
        "loss",
        last,
        forward={"loss": lambda at, right: right / at.case.network.classes},
        wrong="1/n",
        everywhere=False,
    ),
    Fault(
        "penalty inside the mean",
        "The penalty is divided by n with the loss.",
        "Divide the cross-entropy alone.",
        "cost",
        last,
        forward={"cost": lambda at, right: penalty_times(1 / at.n)(at, right)},
        wrong="lambda",
        everywhere=False,
    ),
    Fault(
        "penalty of ||W|| for ||W||^2",
        "The penalty is lambda sum ||W||, without the square.",
        "Square the norms.",
        "cost",
        last,
        forward={
            "cost": lambda at, right: (
                at.trace["loss"]
                + at.penalty
                * sum(
                    np.linalg.norm(at.case.parameters[f"W{l}"])
                    for l in range(1, at.case.network.depth + 1)
                )
            )
        },
        wrong="||W_l||^2",
        everywhere=False,
    ),
)
