"""Initial parameters, drawn once in float64 and handed to either implementation."""

import numpy as np

from twingrad.errors import UserError
from twingrad.network import Network, Parameters
from twingrad.streams import stream


def initial_sigma(scheme: str, fan_in: int) -> float:
    """Standard deviation of the weights of a layer.

    Arguments:
        scheme: "he" (He et al. 2015: variance 2/fan_in), "xavier" (Glorot and Bengio 2010, as
            the course has it: 1/fan_in), or a positive number, the same sigma in every layer.
        fan_in: the layer's inputs.

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
            f"initialization is {scheme!r}, but he, xavier or a positive sigma such as 0.01 "
            "was expected"
        )
    return sigma


def initialize(network: Network, scheme: str, seed: int) -> Parameters:
    """W ~ N(0, sigma^2) in every layer, the last included; b = 0, gamma = 1, beta = 0.

    Arguments:
        network: gives names and shapes.
        scheme: see `initial_sigma`.
        seed: each layer has a stream of its own, so W1 does not depend on what follows it.

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
