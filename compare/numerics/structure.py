"""Which gradients are zero in theory, so that what is computed of them is rounding alone."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from twingrad.network import Network


def structural_zeros(network: Network, samples: int) -> dict[str, str]:
    """Names whose gradient's data part vanishes, each with the reason.

    Batch norm takes shift and scale of s out again. So b below it has no gradient, and neither
    has W where s has a single input, which W merely scales. With two samples s_hat is +1 and -1
    whatever s is, so nothing below the last batch norm reaches the cost (up to eps). W then
    keeps only its penalty's part.

    Arguments:
        network: with or without batch norm.
        samples: n, the size of the minibatch.
    """
    zeros: dict[str, str] = {}
    normalised = [layer.number for layer in network.layers if layer.kind == "batch_norm"]
    for l in normalised:
        zeros[f"b{l}"] = "zero in theory: the batch norm above takes the shift b out again"
        if network.widths[l - 1] == 1:
            zeros[f"W{l}"] = "zero in theory: the batch norm above takes the scale W out again"
    if samples == 2 and normalised:
        last = normalised[-1]
        reason = "zero in theory: two samples normalise to +1 and -1 whatever they are"
        for l in normalised:
            below = ["W", "b", "s"]
            if l < last:
                below += ["mu", "v", "s_hat", "gamma", "beta", "s_tilde", "x"]
            zeros |= {f"{kind}{l}": reason for kind in below if f"{kind}{l}" not in zeros}
    return zeros


def below_batch_norm(network: Network, name: str) -> bool:
    """Whether a tensor reaches the cost only through a batch norm."""
    kind, number = split_name(name)
    last = network.depth - 1 if network.batch_norm else 0
    return number < last or (number == last and kind in ("W", "b", "s"))


def unit(network: Network, name: str, trace: Mapping[str, Any]) -> float:
    """The size that rounding has in the gradient of a tensor at or below a batch norm.

    Batch norm measures s in standard deviations, so a gradient by s carries a factor
    1/sqrt(v), one by v a factor 1/v, and the rounding of its terms with it.

    Arguments:
        trace: of the forward pass; gives v.

    Returns:
        At least 1; that of the unit with the smallest variance.
    """
    kind, number = split_name(name)
    if f"v{number}" not in network.statistic_shapes:
        return 1.0
    power = {"W": 0.5, "b": 0.5, "s": 0.5, "mu": 0.5, "v": 1.0}.get(kind, 0.0)
    smallest = float(trace[f"v{number}"].min()) + float(np.finfo(np.float64).eps)
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
