"""Gradients that are zero in theory, and the size of the rounding in gradients."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from twingrad.layers import KINDS, Layer
from twingrad.network import Network


def structural_zeros(network: Network, samples: int) -> dict[str, str]:
    """Names of tensors for which the gradient of the loss is zero in theory, with the reason.

    Batch norm removes the shift and scale of its input. So the gradient of b directly below it is
    zero, and so is that of W if the layer has a single input, which W merely scales. Two different
    samples always normalise to +1 and -1, so with two samples nothing below the last batch norm
    affects the loss (up to eps), and the gradient of W there is that of the penalty alone. The
    same holds for layer norm and two units. If the normalisation follows an activation, this is
    certain only for what is below the activation: where a ReLU is zero for both samples of a unit,
    the variance is 0 and only eps remains.

    A shift or scale below an activation, or of all units of a layer norm together, is not a single
    tensor, so it makes no gradient zero.

    Arguments:
        network: with any kinds of layers.
        samples: n, the size of the minibatch.
    """
    zeros: dict[str, str] = {}
    layers = network.layers
    bottom = 0  # number of layers below a normalisation that passes no gradient down
    reason = ""
    for position, layer in enumerate(layers):
        below = layers[position - 1]
        if layer.kind == "batch_norm" and below.kind == "affine":
            zeros[below.name("b")] = "zero in theory: the batch norm above removes the shift b"
            if below.before == 1:
                zeros[below.name("W")] = "zero in theory: the batch norm above removes the scale W"
        if layer.kind == "batch_norm" and samples == 2:
            bottom = position
            reason = "zero in theory: two samples always normalise to +1 and -1"
        if layer.kind == "layer_norm" and layer.width == 2:
            bottom = position
            reason = "zero in theory: two units always normalise to +1 and -1"
    for position, layer in enumerate(layers[:bottom]):
        names = [*layer.parameters, *layer.intermediates]
        if position == bottom - 1 and KINDS[layer.kind].role == "activation":
            names = []
        zeros |= {name: reason for name in names if name not in zeros}
    return zeros


def below_normalization(network: Network, name: str) -> bool:
    """Whether a tensor affects the loss only through a batch norm or layer norm."""
    layers = network.layers
    last = max((i for i, layer in enumerate(layers) if is_normalization(layer)), default=0)
    return any(name in (*layer.parameters, *layer.intermediates) for layer in layers[:last])


def is_normalization(layer: Layer) -> bool:
    """Whether it is a batch norm or a layer norm."""
    return KINDS[layer.kind].role == "normalization"


def unit(network: Network, name: str, trace: Mapping[str, Any]) -> float:
    """The factor by which rounding grows in the gradient of a tensor at or below a normalisation.

    A normalisation divides its input by the standard deviation, so the gradient of the input, and
    with it the rounding of its terms, has a factor 1/sqrt(v), and that of v a factor 1/v.

    Arguments:
        trace: of the forward pass; contains v.

    Returns:
        At least 1; the factor for the unit, or sample, with the smallest variance.
    """
    kind, number = split_name(name)
    layer = next((l for l in network.layers if l.number == number and is_normalization(l)), None)
    if layer is None:
        return 1.0
    input_letter = layer.input.rstrip("0123456789")
    power = {"W": 0.5, "b": 0.5, "s": 0.5, input_letter: 0.5, "mu": 0.5, "v": 1.0}.get(kind, 0.0)
    variance = np.asarray(trace[layer.name("v")])
    if kind in ("W", "b", "s") and input_letter != "s":
        # after an activation: where v is 0, the activation is 0 in every sample, and so is G
        variance = variance[variance > 0]
    smallest = float(variance.min(initial=1)) + float(np.finfo(np.float64).eps)
    return max(1.0, smallest**-power)


def split_name(name: str) -> tuple[str, int]:
    """Split s_hat12 into ("s_hat", 12)."""
    kind = name.rstrip("0123456789")
    return kind, int(name[len(kind) :])


VALUE = "forward "
"""Prefix of the names of forward values, which distinguishes them from gradients."""


def is_value(key: str) -> bool:
    """Whether a key names a forward value, not a gradient."""
    return key.startswith(VALUE)


def together(
    gradients: Mapping[str, np.ndarray], values: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Gradients and forward values in one mapping, as "s1" and "forward s1"."""
    return {**gradients, **{f"{VALUE}{name}": value for name, value in values.items()}}


def values_of(both: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The forward values in such a mapping, by their own names."""
    return {key.removeprefix(VALUE): value for key, value in both.items() if is_value(key)}
