"""Dropout: one step for the value and one for the gradient. The mask is an input."""

from compare.derivation.place import Derivation, Place, Step, Term, total, zero


def scale(at: Place) -> float:
    """The factor of the values that are kept."""
    return 1 / at.keep


FORWARD = (
    Term(
        "kept",
        "what the mask keeps",
        "mask / keep",
        lambda at: at.mask * at.x,
        scale,
        back=(("drop", "kept"),),
    ),
    Term(
        "dropped",
        "what the mask drops",
        "",
        lambda at: (1 - at.mask) * at.x,
        zero,
        back=(("drop", "dropped"),),
    ),
)

BACKWARD = (
    Term(
        "kept",
        "what the mask keeps",
        "mask / keep",
        lambda at: at.mask * at.G_x_drop,
        scale,
    ),
    Term("dropped", "what the mask drops", "", lambda at: (1 - at.mask) * at.G_x_drop, zero),
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
