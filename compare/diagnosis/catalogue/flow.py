"""Mistakes in the gradient on its way down: softmax, ReLU, and through W; not batch norm."""

import numpy as np

from compare.derivation import Place
from compare.diagnosis.catalogue.fault import (
    Fault,
    Inapplicable,
    Mistake,
    hidden,
    last,
    normalised,
)
from compare.diagnosis.catalogue.parameters import negated, over_n, times_n


def mask_where(condition: str) -> Mistake:
    """Another condition for letting a gradient through."""

    def mistake(at: Place, right: np.ndarray) -> np.ndarray:
        passes = {
            "s_tilde >= 0": lambda: at.relu_input >= 0,
            "s_hat > 0": lambda: at.s_hat > 0,
            "s > 0": lambda: at.s > 0,
            "G > 0": lambda: at.G_x > 0,
            "s_tilde < 0": lambda: at.relu_input < 0,
        }[condition]()
        return np.where(passes, at.G_x, 0)

    return mistake


def leaky(slope: float) -> Mistake:
    """A ReLU that lets a share of what is negative through."""
    return lambda at, right: right + slope * np.minimum(at.relu_input, 0)


def leak(slope: float) -> Mistake:
    """The backward pass of such a ReLU."""
    return lambda at, right: np.where(at.relu_input > 0, at.G_x, slope * at.G_x)


def mask_of_layer(offset: int) -> Mistake:
    """The mask of the layer so many above, or below."""

    def mistake(at: Place, right: np.ndarray) -> np.ndarray:
        other = Place(at.case, at.l + offset, at.trace, at.gradients)
        if not 1 <= other.l < at.case.network.depth or other.relu_input.shape != at.G_x.shape:
            raise Inapplicable
        return np.where(other.relu_input > 0, at.G_x, 0)

    return mistake


def transposed_on_the_way_down(at: Place, right: np.ndarray) -> np.ndarray:
    W = at.above.W
    if W.shape[0] != W.shape[1]:
        raise Inapplicable
    return at.above.G_s @ W.T


def down_through_layer(offset: int) -> Mistake:
    """W of the layer so many above the right one, or below."""

    def mistake(at: Place, right: np.ndarray) -> np.ndarray:
        W = at.case.parameters.get(f"W{at.l + 1 + offset}")
        if W is None or W.shape != at.above.W.shape:
            raise Inapplicable
        return at.above.G_s @ W

    return mistake


def down_through_updated(eta: float) -> Mistake:
    """W after its own update."""

    def mistake(at: Place, right: np.ndarray) -> np.ndarray:
        return right - eta * at.above.G_s @ at.above.G_W

    return mistake


def mean_over_all_entries(at: Place, right: np.ndarray) -> np.ndarray:
    return right / at.case.network.classes


def p_alone(at: Place, right: np.ndarray) -> np.ndarray:
    return right + at.one_hot / at.n


def signs_of_y(at: Place, right: np.ndarray) -> np.ndarray:
    return right + 2 * at.one_hot / at.n


FLOW_FAULTS = (
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
    Fault(
        "ReLU mask missing",
        "The gradient passes the ReLU of {where} unmasked.",
        "Keep it where the ReLU's input is above 0, and set the rest to 0.",
        "mask",
        hidden,
        {"mask": lambda at, right: at.G_x},
        wrong="where s_tilde > 0, else 0",
    ),
    Fault(
        "ReLU mask at >= 0",
        "The ReLU of {where} lets the gradient through where its input is exactly 0.",
        "Compare with > 0; by convention the derivative at 0 is 0.",
        "mask",
        hidden,
        {"mask": mask_where("s_tilde >= 0")},
        wrong="> 0",
    ),
    *(
        Fault(
            f"leaky ReLU, slope {slope:g}",
            f"The ReLU of {{where}} has slope {slope:g} below 0, in both passes.",
            "Cut off what is negative: max(0, s).",
            "x",
            hidden,
            {"mask": leak(slope)},
            {"x": leaky(slope)},
            wrong="max(0,",
        )
        for slope in (0.01, 0.1, 0.2)
    ),
    Fault(
        "ReLU mask inverted",
        "The ReLU of {where} lets the gradient through where its input is below 0.",
        "Turn the comparison.",
        "mask",
        hidden,
        {"mask": mask_where("s_tilde < 0")},
        wrong="> 0",
    ),
    Fault(
        "ReLU mask of G",
        "The ReLU of {where} masks by the sign of the gradient, not of its input.",
        "Compare the ReLU's input with 0.",
        "mask",
        hidden,
        {"mask": mask_where("G > 0")},
        wrong="s_tilde > 0",
    ),
    Fault(
        "ReLU mask before gamma and beta",
        "The ReLU of {where} is masked by s_hat, before gamma and beta.",
        "Mask by s_tilde, what the ReLU was given.",
        "mask",
        normalised,
        {"mask": mask_where("s_hat > 0")},
        wrong="s_tilde > 0",
    ),
    Fault(
        "ReLU mask before batch norm",
        "The ReLU of {where} is masked by s, before batch norm.",
        "Mask by s_tilde, what the ReLU was given.",
        "mask",
        normalised,
        {"mask": mask_where("s > 0")},
        wrong="s_tilde > 0",
    ),
    *(
        Fault(
            f"ReLU mask from the layer {direction}",
            f"The ReLU of {{where}} is masked by what the ReLU {direction} was given.",
            "Check the index of the layer in the mask.",
            "mask",
            hidden,
            {"mask": mask_of_layer(offset)},
            wrong="s_tilde > 0",
            everywhere=False,
        )
        for direction, offset in (
            ("above", 1),
            ("below", -1),
            ("two above", 2),
            ("two below", -2),
        )
    ),
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
