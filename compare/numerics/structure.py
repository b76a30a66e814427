"""Which gradients are zero in theory, so that what is computed of them is rounding alone."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from twingrad.layers import KINDS, Layer
from twingrad.network import Network


def structural_zeros(network: Network, samples: int) -> dict[str, str]:
    """Names whose gradient's data part vanishes, each with the reason.

    Batch norm takes shift and scale of its input out again. So b right below it has no gradient,
    and neither has W there where s has a single input, which W merely scales. With two samples
    it makes +1 and -1 of any two that differ, so nothing below the last batch norm reaches the
    cost (up to eps); W keeps only its penalty's part. Layer norm does the same of two units.
    Behind an activation only what is below the activation is certain: where a ReLU cuts off both
    samples of a unit, the variance is 0, and eps alone is what they are measured in.

    Shift and scale below an activation, or of all units of a layer norm together, are no single
    tensors: they make no gradient zero.

    Arguments:
        network: of any kind of layers.
        samples: n, the size of the minibatch.
    """
    zeros: dict[str, str] = {}
    layers = network.layers
    bottom = 0  # of the layers, so many lie below something that passes nothing down
    reason = ""
    for position, layer in enumerate(layers):
        below = layers[position - 1]
        if layer.kind == "batch_norm" and below.kind == "affine":
            zeros[below.name("b")] = (
                "zero in theory: the batch norm above takes the shift b out again"
            )
            if below.before == 1:
                zeros[below.name("W")] = (
                    "zero in theory: the batch norm above takes the scale W out again"
                )
        if layer.kind == "batch_norm" and samples == 2:
            bottom = position
            reason = "zero in theory: two samples normalise to +1 and -1 whatever they are"
        if layer.kind == "layer_norm" and layer.width == 2:
            bottom = position
            reason = "zero in theory: two units normalise to +1 and -1 whatever they are"
    for position, layer in enumerate(layers[:bottom]):
        names = [*layer.parameters, *layer.intermediates]
        if position == bottom - 1 and KINDS[layer.kind].role == "activation":
            names = []
        zeros |= {name: reason for name in names if name not in zeros}
    return zeros


def below_normalization(network: Network, name: str) -> bool:
    """Whether a tensor reaches the cost only through a batch norm or layer norm."""
    layers = network.layers
    last = max((i for i, layer in enumerate(layers) if is_normalization(layer)), default=0)
    return any(name in (*layer.parameters, *layer.intermediates) for layer in layers[:last])


def is_normalization(layer: Layer) -> bool:
    """Whether it is a batch norm or a layer norm."""
    return KINDS[layer.kind].role == "normalization"


def unit(network: Network, name: str, trace: Mapping[str, Any]) -> float:
    """The size that rounding has in the gradient of a tensor at or right below a normalisation.

    It measures its input in standard deviations, so a gradient by the input carries a factor
    1/sqrt(v), one by v a factor 1/v, and the rounding of its terms with it.

    Arguments:
        trace: of the forward pass; gives v.

    Returns:
        At least 1; that of the unit, or of the sample, with the smallest variance.
    """
    kind, number = split_name(name)
    layer = next((l for l in network.layers if l.number == number and is_normalization(l)), None)
    if layer is None:
        return 1.0
    input_letter = layer.input.rstrip("0123456789")
    power = {"W": 0.5, "b": 0.5, "s": 0.5, input_letter: 0.5, "mu": 0.5, "v": 1.0}.get(kind, 0.0)
    variance = np.asarray(trace[layer.name("v")])
    if kind in ("W", "b", "s") and input_letter != "s":
        # below an activation: a unit whose v is 0 was cut off in every sample, and so is its G
        variance = variance[variance > 0]
    smallest = float(variance.min(initial=1)) + float(np.finfo(np.float64).eps)
    return max(1.0, smallest**-power)


def split_name(name: str) -> tuple[str, int]:
    """s_hat12 as ("s_hat", 12)."""
    kind = name.rstrip("0123456789")
    return kind, int(name[len(kind) :])


VALUE = "forward "
"""Before the name of a value of the forward pass, where a gradient may have the same name."""


def is_value(key: str) -> bool:
    """Whether a key is that of a value, not of a gradient."""
    return key.startswith(VALUE)


def together(
    gradients: Mapping[str, np.ndarray], values: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Gradients and values of the forward pass in one mapping: "s1" and "forward s1"."""
    return {**gradients, **{f"{VALUE}{name}": value for name, value in values.items()}}


def values_of(both: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The values among them, by their names: the inverse of `together`."""
    return {key.removeprefix(VALUE): value for key, value in both.items() if is_value(key)}
