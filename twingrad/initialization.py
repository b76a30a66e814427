"""Initial parameters, drawn once in float64 for both implementations."""

import numpy as np

from twingrad.errors import UserError
from twingrad.network import Network, Parameters
from twingrad.streams import stream


def initial_sigma(scheme: str, fan_in: int) -> float:
    """Standard deviation of a layer's weights.

    Arguments:
        scheme: "he" (variance 2/fan_in, He et al. 2015), "xavier" (variance 1/fan_in, the course's
            form of Glorot and Bengio 2010), or a positive sigma for every layer.
        fan_in: number of inputs of the layer.

    Raises:
        UserError: any other scheme.
    """
    if scheme == "he":
        return (2 / fan_in) ** 0.5
    if scheme == "xavier":
        return (1 / fan_in) ** 0.5
    try:
        sigma = float(scheme)
    except ValueError:
        sigma = float("nan")
    if not 0 < sigma < float("inf"):
        raise UserError(
            f"initialization is {scheme!r}, but expected he, xavier or a positive sigma such as "
            "0.01"
        )
    return sigma


def initialize(network: Network, scheme: str, seed: int) -> Parameters:
    """Draw W ~ N(0, sigma^2) in every layer, including the last; b = 0, gamma = 1, beta = 0.

    Arguments:
        network: defines names and shapes.
        scheme: see `initial_sigma`.
        seed: of the run. Each layer has a separate stream, so W1 does not depend on later layers.

    Returns:
        Every parameter, float64.
    """
    parameters: Parameters = {}
    for name, shape in network.parameter_shapes.items():
        if name.startswith("W"):
            rng = stream(seed, "initialization", int(name[1:]))
            parameters[name] = initial_sigma(scheme, fan_in=shape[1]) * rng.standard_normal(shape)
        elif name.startswith("gamma"):
            parameters[name] = np.ones(shape)
        else:
            parameters[name] = np.zeros(shape)
    return parameters
