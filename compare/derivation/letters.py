"""The letters in formulas for the quantities of a layer, and their names in the network."""

import re

from twingrad.layers import KINDS, LOSSES, Layer

END = "end"
"""The role of what follows the logits: p, loss and cost. Its kind is the loss."""

INPUT = {"affine": "x", "normalization": "s", "activation": "s_tilde", "dropout": "x", END: "s"}
"""The letter of a layer's input, by role."""

OUTPUT = {"affine": "s", "normalization": "s_tilde", "activation": "x", "dropout": "x_drop"}
"""The letter of a layer's output, by role."""

QUANTITY = re.compile(
    r"(?<![A-Za-z_])(G_)?(s_tilde|x_drop|s_hat|gamma|beta|mask|mu|W|b|s|v|x)"
    r"(?=(?:_[ij])?(?![A-Za-z0-9_]))"
)
"""Quantities that carry the number of a layer, alone or with the index of a sample or unit."""


def role_of(layer: Layer) -> str:
    """The role of a layer's kind."""
    return END if layer.kind in LOSSES else KINDS[layer.kind].role


def full_name(layer: Layer, letter: str) -> str:
    """The network's name of a quantity of a layer: "s_hat" of a normalisation may be x_hat2."""
    role = role_of(layer)
    if letter == INPUT[role]:
        return layer.input
    if letter in ("p", "loss", "cost"):
        return letter
    if letter == OUTPUT.get(role):
        return layer.output
    if role == "normalization" and letter == "s_hat":
        return layer.name("{stem}_hat")
    return f"{letter}{layer.number}"


def numbered(text: str, layer: Layer) -> str:
    """A formula with the full name of every quantity: "s_tilde2 = gamma2 s_hat2 + beta2"."""
    return QUANTITY.sub(lambda found: (found[1] or "") + full_name(layer, found[2]), text)


def lettered(text: str, layer: Layer) -> str:
    """The formula without numbers: "x_tilde = gamma x_hat + beta" if x is normalised."""

    def letter(found: re.Match[str]) -> str:
        name = full_name(layer, found[2]).rstrip("0123456789")
        return (found[1] or "") + ("x" if name == "X" else name)

    return QUANTITY.sub(letter, text)
