"""Dropout: one step for the value and one for the gradient. The mask is an input."""

import numpy as np

from compare.derivation.place import Derivation, Place, Step, Term, total, zero


def scale(at: Place) -> float:
    """The factor of the values that are kept."""
    return 1 / at.keep


FORWARD = (
    Term(
        "kept",
        "what the mask keeps",
        "mask / keep",
        lambda at: np.where(at.mask, at.x, 0),
        scale,
        back=(("drop", "kept"),),
    ),
    Term(
        "dropped",
        "what the mask drops",
        "",
        lambda at: np.where(at.mask, 0, at.x),
        zero,
        back=(("drop", "dropped"),),
    ),
)

BACKWARD = (
    Term(
        "kept",
        "what the mask keeps",
        "mask / keep",
        lambda at: np.where(at.mask, at.G_x_drop, 0),
        scale,
    ),
    Term("dropped", "what the mask drops", "", lambda at: np.where(at.mask, 0, at.G_x_drop), zero),
)

DROPOUT = Derivation(
    forward=(
        Step(
            "x_drop",
            "dropout of layer {l}",
            "x_drop = x mask / keep",
            "What the mask drops becomes 0; dividing the rest by the probability of being kept "
            "leaves the expectation as it was, so that evaluation needs no dropout.",
            "return x if run.masks is None else x * run.masks[self.mask] / self.keep  # (n, m)",
            total(FORWARD),
            terms=FORWARD,
        ),
    ),
    backward=(),
    down=Step(
        "drop",
        "dropout of layer {l}",
        "G_x = G_x_drop mask / keep",
        "The mask is drawn, not computed, so it is a constant factor: what was dropped has no "
        "gradient, and the rest is scaled as its value was.",
        "return self._masked(run.gradients[self.output], run)",
        total(BACKWARD),
        terms=BACKWARD,
    ),
)
