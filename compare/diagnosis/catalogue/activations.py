"""Mistakes at an activation: of any kind, and of each."""

from collections.abc import Callable

import numpy as np

from compare.derivation import ACTIVATIONS, Place
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
    """Multiply the gradient by the activation's slope at z."""
    return ACTIVATIONS[at.layer.kind].passed(at, z)


def slope_of_layer(offset: int) -> Mistake:
    """Use the slope of the activation of a layer above or below."""

    def mistake(at: Place, right: np.ndarray) -> np.ndarray:
        other = activation_at(at, offset)
        if other.input.shape != at.G_x.shape:
            raise Inapplicable
        return slope_at(at, other.input)

    return mistake


def slope_of_normalised(letter: str) -> Mistake:
    """Use the slope at an intermediate of the same layer's normalisation."""

    def mistake(at: Place, right: np.ndarray) -> np.ndarray:
        return slope_at(at, getattr(layer_at(at, "normalization"), letter))

    return mistake


class At:
    """Layers that have an activation of one kind."""

    def __init__(self, kind: str) -> None:
        self.everywhere = with_kind(kind)

    def before(self, network: Network) -> list[int]:
        """Layers with a normalisation after the activation, whose input x is."""
        return self.everywhere(network) if normalised_after(network) else []

    def behind(self, network: Network) -> list[int]:
        """Layers with a normalisation before the activation, whose input is s_tilde."""
        return self.everywhere(network) if normalised_before(network) else []


def faults_of_any(kind: str, short: str, wrong: str) -> tuple[Fault, ...]:
    """What can be got wrong at any activation.

    Arguments:
        kind: of layer.
        short: what its backward pass is called in the names of faults.
        wrong: the part of the backward formula that says where the slope is taken.
    """
    name, where = ACTIVATIONS[kind].name, At(kind)
    masked, mask = (
        ("is masked by", "Mask with")
        if ACTIVATIONS[kind].kink
        else ("has its slope taken at", "Take the slope at")
    )
    return (
        Fault(
            f"{short} before gamma and beta",
            f"The {name} of {{where}} {masked} s_hat, before gamma and beta.",
            f"{mask} s_tilde, the input of the {name}.",
            "mask",
            where.behind,
            {"mask": slope_of_normalised("s_hat")},
            wrong=wrong,
        ),
        Fault(
            f"{short} before batch norm",
            f"The {name} of {{where}} {masked} s, before the normalisation.",
            f"{mask} s_tilde, the input of the {name}.",
            "mask",
            where.behind,
            {"mask": slope_of_normalised("s")},
            wrong=wrong,
        ),
        Fault(
            f"{short} of the normalised value",
            f"The {name} of {{where}} {masked} x_hat, which the normalisation behind it gives.",
            f"{mask} s, the input of the {name}.",
            "mask",
            where.before,
            {"mask": slope_of_normalised("s_hat")},
            wrong=wrong,
        ),
        Fault(
            f"{short} of the scaled and shifted value",
            f"The {name} of {{where}} {masked} x_tilde, the output of the normalisation behind it.",
            f"{mask} s, the input of the {name}.",
            "mask",
            where.before,
            {"mask": slope_of_normalised("s_tilde")},
            wrong=wrong,
        ),
        *(
            Fault(
                f"{short} from the layer {direction}",
                f"The {name} of {{where}} {masked} the input of the {name} {direction}.",
                "Check the index of the layer there.",
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
        "ReLU mask of G",
        "The ReLU of {where} masks by the sign of the gradient, not of its input.",
        "Compare the ReLU's input with 0.",
        "mask",
        with_kind("relu"),
        {"mask": lambda at, right: np.where(at.G_x > 0, at.G_x, 0)},
        wrong="s_tilde > 0",
    ),
    Fault(
        "ReLU's output for its slope",
        "The gradient passes the ReLU of {where} multiplied by its output, not by its slope.",
        "Multiply it by 1 where the ReLU's input is above 0, and by 0 elsewhere.",
        "mask",
        with_kind("relu"),
        {"mask": lambda at, right: at.G_x * np.maximum(at.s_tilde, 0)},
        wrong="where s_tilde > 0, else 0",
    ),
    Fault(
        "ReLU's slope for the gradient",
        "The backward pass of the ReLU of {where} passes its slope on, without the gradient.",
        "Multiply the gradient by the slope.",
        "mask",
        with_kind("relu"),
        {"mask": lambda at, right: np.where(at.s_tilde > 0, 1.0, 0.0)},
        wrong="G_x",
    ),
    *faults_of_any("relu", "ReLU mask", "s_tilde > 0"),
)

LEAKY_FAULTS = (
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
    *faults_of_any("leaky_relu", "leaky ReLU's mask", "s_tilde > 0"),
)

GELU_FAULTS = faults_of_any("gelu", "GELU's slope", "s_tilde")


def faults_of_squashing(
    kind: str, wrong: str, of_input: Callable[[np.ndarray], np.ndarray]
) -> tuple[Fault, ...]:
    """What can be got wrong where the slope is computed from the activation's output x.

    Arguments:
        kind: of layer.
        wrong: as in `faults_of_any`.
        of_input: the formula of the slope, with the input in the place of x.
    """
    name, where = ACTIVATIONS[kind].name, At(kind)
    return (
        Fault(
            f"{name} twice on the way back",
            f"The slope of the {name} of {{where}} is taken at its output: the {name} is applied "
            "to x once more.",
            f"x is the {name}'s output already: compute the slope from it, or take it at s_tilde.",
            "mask",
            where.everywhere,
            {"mask": lambda at, right: slope_at(at, at.x)},
            wrong=wrong,
        ),
        Fault(
            f"{name}'s slope from its input",
            f"The slope of the {name} of {{where}} is computed by the formula for its output x, "
            "but from its input.",
            f"Put the {name}'s output into this formula.",
            "mask",
            where.everywhere,
            {"mask": lambda at, right: at.G_x * of_input(at.s_tilde)},
            wrong=wrong,
        ),
        *faults_of_any(kind, f"{name}'s slope", wrong),
    )


SQUASHING_FAULTS = (
    *faults_of_squashing("tanh", "1 - x^2", lambda s: 1 - s**2),
    *faults_of_squashing("sigmoid", "x - x^2", lambda s: s * (1 - s)),
)

ACTIVATION_FAULTS = (*RELU_FAULTS, *LEAKY_FAULTS, *GELU_FAULTS, *SQUASHING_FAULTS)
