"""Mistakes at an activation: those of any, those of the ReLU, those of the leaky ReLU."""

import numpy as np
from scipy.special import ndtr

from compare.derivation import ACTIVATIONS, Place
from compare.derivation.activations import density
from compare.diagnosis.catalogue.fault import (
    Fault,
    Inapplicable,
    Mistake,
    activation_at,
    layer_at,
    normalised_after,
    normalised_before,
    with_kind,
)
from twingrad.network import Network


def slope_at(at: Place, z: np.ndarray) -> np.ndarray:
    """The gradient passed on by the activation's slope at z."""
    return ACTIVATIONS[at.layer.kind].passed(at, z)


def slope_of_layer(offset: int) -> Mistake:
    """By the slope of the activation so many layers above, or below."""

    def mistake(at: Place, right: np.ndarray) -> np.ndarray:
        other = activation_at(at, offset)
        if other.input.shape != at.G_x.shape:
            raise Inapplicable
        return slope_at(at, other.input)

    return mistake


def slope_of_normalised(letter: str) -> Mistake:
    """By the slope at a quantity of the normalisation in the same hidden layer."""

    def mistake(at: Place, right: np.ndarray) -> np.ndarray:
        return slope_at(at, getattr(layer_at(at, "normalization"), letter))

    return mistake


def unmasked(at: Place, right: np.ndarray) -> np.ndarray:
    return at.G_x


def leaky(slope: float) -> Mistake:
    """Another slope below 0."""

    def mistake(at: Place, right: np.ndarray) -> np.ndarray:
        return np.where(at.s_tilde > 0, at.s_tilde, slope * at.s_tilde)

    return mistake


def leak(slope: float) -> Mistake:
    """The backward pass of such an activation."""
    return lambda at, right: np.where(at.s_tilde > 0, at.G_x, slope * at.G_x)


def sloping_above_0(at: Place, right: np.ndarray) -> np.ndarray:
    return np.where(at.s_tilde > 0, at.slope * at.s_tilde, at.s_tilde)


def sloping_above_0_back(at: Place, right: np.ndarray) -> np.ndarray:
    return np.where(at.s_tilde > 0, at.slope * at.G_x, at.G_x)


class At:
    """Where an activation of one kind stands."""

    def __init__(self, kind: str) -> None:
        self.everywhere = with_kind(kind)

    def before(self, network: Network) -> list[int]:
        """Below a normalisation, which is behind it: x is normalised."""
        return self.everywhere(network) if normalised_after(network) else []

    def behind(self, network: Network) -> list[int]:
        """Behind a normalisation, which gives it s_tilde."""
        return self.everywhere(network) if normalised_before(network) else []


def faults_of_any(kind: str, short: str, wrong: str) -> tuple[Fault, ...]:
    """What can be got wrong at any activation.

    Arguments:
        kind: of layer.
        short: what its backward pass is called in the names of faults.
        wrong: the part of the backward formula that says where the slope is taken.
    """
    name, where = ACTIVATIONS[kind].name, At(kind)
    return (
        Fault(
            f"{short} before gamma and beta",
            f"The {name} of {{where}} is masked by s_hat, before gamma and beta.",
            f"Mask by s_tilde, what the {name} was given.",
            "mask",
            where.behind,
            {"mask": slope_of_normalised("s_hat")},
            wrong=wrong,
        ),
        Fault(
            f"{short} before batch norm",
            f"The {name} of {{where}} is masked by s, before the normalisation.",
            f"Mask by s_tilde, what the {name} was given.",
            "mask",
            where.behind,
            {"mask": slope_of_normalised("s")},
            wrong=wrong,
        ),
        Fault(
            f"{short} of the normalised value",
            f"The {name} of {{where}} is masked by x_hat, which the normalisation behind it gives.",
            f"Mask by s, what the {name} was given.",
            "mask",
            where.before,
            {"mask": slope_of_normalised("s_hat")},
            wrong=wrong,
        ),
        Fault(
            f"{short} of the scaled and shifted value",
            f"The {name} of {{where}} is masked by x_tilde, the output of the normalisation "
            "behind it.",
            f"Mask by s, what the {name} was given.",
            "mask",
            where.before,
            {"mask": slope_of_normalised("s_tilde")},
            wrong=wrong,
        ),
        *(
            Fault(
                f"{short} from the layer {direction}",
                f"The {name} of {{where}} is masked by what the {name} {direction} was given.",
                "Check the index of the layer in the mask.",
                "mask",
                where.everywhere,
                {"mask": slope_of_layer(offset)},
                wrong=wrong,
                everywhere=False,
            )
            for direction, offset in (
                ("above", 1),
                ("below", -1),
                ("two above", 2),
                ("two below", -2),
            )
        ),
    )


RELU_FAULTS = (
    Fault(
        "ReLU mask missing",
        "The gradient passes the ReLU of {where} unmasked.",
        "Keep it where the ReLU's input is above 0, and set the rest to 0.",
        "mask",
        with_kind("relu"),
        {"mask": unmasked},
        wrong="where s_tilde > 0, else 0",
    ),
    Fault(
        "ReLU mask at >= 0",
        "The ReLU of {where} lets the gradient through where its input is exactly 0.",
        "Compare with > 0; by convention the derivative at 0 is 0.",
        "mask",
        with_kind("relu"),
        {"mask": lambda at, right: np.where(at.s_tilde >= 0, at.G_x, 0)},
        wrong="> 0",
    ),
    *(
        Fault(
            f"leaky ReLU, slope {slope:g}",
            f"The ReLU of {{where}} has slope {slope:g} below 0, in both passes.",
            "Cut off what is negative: max(0, s).",
            "x",
            with_kind("relu"),
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
        with_kind("relu"),
        {"mask": lambda at, right: np.where(at.s_tilde < 0, at.G_x, 0)},
        wrong="> 0",
    ),
    Fault(
        "ReLU mask of G",
        "The ReLU of {where} masks by the sign of the gradient, not of its input.",
        "Compare the ReLU's input with 0.",
        "mask",
        with_kind("relu"),
        {"mask": lambda at, right: np.where(at.G_x > 0, at.G_x, 0)},
        wrong="s_tilde > 0",
    ),
    *faults_of_any("relu", "ReLU mask", "s_tilde > 0"),
)

LEAKY_FAULTS = (
    Fault(
        "leaky ReLU left out on the way back",
        "The gradient passes the leaky ReLU of {where} as it is.",
        "Multiply it by the slope where the leaky ReLU's input is not above 0.",
        "mask",
        with_kind("leaky_relu"),
        {"mask": unmasked},
        wrong="where s_tilde > 0, else slope G_x",
    ),
    Fault(
        "slope missing on the way back",
        "The gradient passes the leaky ReLU of {where} as it would a ReLU: 0 below 0.",
        "Multiply it by the slope there.",
        "mask",
        with_kind("leaky_relu"),
        {"mask": leak(0.0)},
        wrong="slope G_x",
    ),
    Fault(
        "ReLU for leaky ReLU",
        "The leaky ReLU of {where} has no slope below 0, in both passes.",
        "Multiply what is not above 0 by the slope.",
        "x",
        with_kind("leaky_relu"),
        {"mask": leak(0.0)},
        {"x": leaky(0.0)},
        wrong="slope s_tilde",
    ),
    Fault(
        "slope on the wrong side",
        "The leaky ReLU of {where} has its slope above 0, in both passes.",
        "Turn the comparison.",
        "x",
        with_kind("leaky_relu"),
        {"mask": sloping_above_0_back},
        {"x": sloping_above_0},
        wrong="> 0",
    ),
    Fault(
        "slope on the wrong side on the way back",
        "The backward pass of the leaky ReLU of {where} has its slope above 0.",
        "Turn the comparison.",
        "mask",
        with_kind("leaky_relu"),
        {"mask": sloping_above_0_back},
        wrong="> 0",
    ),
    Fault(
        "leaky ReLU by the sign of G",
        "The backward pass of the leaky ReLU of {where} looks at the sign of the gradient, not of "
        "its input.",
        "Compare the leaky ReLU's input with 0.",
        "mask",
        with_kind("leaky_relu"),
        {"mask": lambda at, right: np.where(at.G_x > 0, at.G_x, at.slope * at.G_x)},
        wrong="s_tilde > 0",
    ),
    Fault(
        "slope twice on the way back",
        "The backward pass of the leaky ReLU of {where} multiplies by the slope twice.",
        "Multiply once.",
        "mask",
        with_kind("leaky_relu"),
        {"mask": lambda at, right: np.where(at.s_tilde > 0, at.G_x, at.slope**2 * at.G_x)},
        wrong="slope G_x",
    ),
    *(
        Fault(
            f"another slope, {slope:g}",
            f"The leaky ReLU of {{where}} has slope {slope:g} below 0, in both passes.",
            "Take the slope of the specification.",
            "x",
            with_kind("leaky_relu"),
            {"mask": leak(slope)},
            {"x": leaky(slope)},
            wrong="slope s_tilde",
        )
        for slope in (0.01, 0.1, 0.2, 0.3)
    ),
    *faults_of_any("leaky_relu", "leaky ReLU's mask", "s_tilde > 0"),
)

GELU_FAULTS = (
    Fault(
        "GELU left out on the way back",
        "The gradient passes the GELU of {where} as it is.",
        "Multiply it by Phi + s phi, the slope at the GELU's input.",
        "mask",
        with_kind("gelu"),
        {"mask": unmasked},
        wrong="(Phi(s_tilde) + s_tilde phi(s_tilde))",
    ),
    Fault(
        "GELU's density left out",
        "The backward pass of the GELU of {where} has Phi alone: Phi is taken as a constant.",
        "Add s phi, the derivative of Phi times s.",
        "mask",
        with_kind("gelu"),
        {"mask": lambda at, right: at.G_x * ndtr(at.s_tilde)},
        wrong="+ s_tilde phi(s_tilde)",
    ),
    Fault(
        "GELU's derivative without s",
        "The backward pass of the GELU of {where} adds phi where it should add s phi.",
        "Multiply the density by the GELU's input.",
        "mask",
        with_kind("gelu"),
        {"mask": lambda at, right: at.G_x * (ndtr(at.s_tilde) + density(at.s_tilde))},
        wrong="s_tilde phi(s_tilde)",
    ),
    *faults_of_any("gelu", "GELU's slope", "s_tilde"),
)

ACTIVATION_FAULTS = (*RELU_FAULTS, *LEAKY_FAULTS, *GELU_FAULTS)
