"""Mistakes in the loss and the cost."""

import numpy as np

from compare.derivation import Place
from compare.diagnosis.catalogue.fault import Fault, Inapplicable, Mistake, last, with_loss


def guarded_loss(p: np.ndarray, y: np.ndarray, eps: float) -> np.ndarray:
    """The mean of -log(p + eps) instead of -log p; p (n, K), y (n,)."""
    return np.asarray(-np.log(p[np.arange(len(y)), y] + eps).mean())


def guarded_log(eps: float) -> Mistake:
    """The loss with eps inside the logarithm."""
    return lambda at, right: guarded_loss(at.p, at.case.y, eps)


class GuardedLogarithm:
    """A small number added to p before the logarithm, whose size is fitted."""

    sizes = (1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12)

    def fault(self, size: float) -> Fault:
        """With a number of this size."""
        return Fault(
            f"guarded logarithm, {size:g}",
            f"The loss adds {size:g} to p before the logarithm.",
            "Take the logarithm from the logits, which needs no such guard.",
            "loss",
            with_loss("cross_entropy"),
            forward={"loss": guarded_log(size)},
            wrong="log p_i,y",
            everywhere=False,
        )


DEPTHS = range(1, 11)
"""Layers whose penalty may be missing."""


def penalty_of(l: int, *, without: bool) -> Mistake:
    """The penalty of all layers but one, or of that one only."""

    def mistake(at: Place, right: np.ndarray) -> np.ndarray:
        if l > at.case.network.depth or at.case.network.depth == 1:
            raise Inapplicable
        own = at.penalty * np.square(at.case.parameters[f"W{l}"]).sum()
        return right - own if without else at.trace["loss"] + own

    return mistake


VALUE_FAULTS = (
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
