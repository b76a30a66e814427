"""Mistakes at an activation: of any kind, of the ReLU, and of the leaky ReLU."""

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
    return (
        Fault(
            f"{short} before gamma and beta",
            f"The {name} of {{where}} is masked by s_hat, before gamma and beta.",
            f"Mask with s_tilde, the input of the {name}.",
            "mask",
            where.behind,
            {"mask": slope_of_normalised("s_hat")},
            wrong=wrong,
        ),
        Fault(
            f"{short} before batch norm",
            f"The {name} of {{where}} is masked by s, before the normalisation.",
            f"Mask with s_tilde, the input of the {name}.",
            "mask",
            where.behind,
            {"mask": slope_of_normalised("s")},
            wrong=wrong,
        ),
        Fault(
            f"{short} of the normalised value",
            f"The {name} of {{where}} is masked by x_hat, which the normalisation behind it gives.",
            f"Mask with s, the input of the {name}.",
            "mask",
            where.before,
            {"mask": slope_of_normalised("s_hat")},
            wrong=wrong,
        ),
        Fault(
            f"{short} of the scaled and shifted value",
            f"The {name} of {{where}} is masked with x_tilde, the output of the normalisation "
            "behind it.",
            f"Mask with s, the input of the {name}.",
            "mask",
            where.before,
            {"mask": slope_of_normalised("s_tilde")},
            wrong=wrong,
        ),
        *(
            Fault(
                f"{short} from the layer {direction}",
                f"The {name} of {{where}} is masked with the input of the {name} {direction}.",
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

GELU_FAULTS = (*faults_of_any("gelu", "GELU's slope", "s_tilde"),)

ACTIVATION_FAULTS = (*RELU_FAULTS, *LEAKY_FAULTS, *GELU_FAULTS)
