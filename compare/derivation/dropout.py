"""Dropout, a step a value and a gradient. The mask is drawn, not computed."""

from compare.derivation.place import Derivation, Step

DROPOUT = Derivation(
    forward=(
        Step(
            "x_drop",
            "dropout of layer {l}",
            "x_drop = x mask / keep",
            "What the mask drops becomes 0; dividing the rest by the probability of being kept "
            "leaves the expectation as it was, so that evaluation needs no dropout.",
            "return x if run.masks is None else x * run.masks[self.mask] / self.keep  # (n, m)",
            lambda at: at.x * at.mask / at.keep,
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
        lambda at: at.G_x_drop * at.mask / at.keep,
    ),
)
