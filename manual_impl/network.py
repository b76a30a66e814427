"""The whole network by hand: forward to every intermediate, backward to every gradient."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Int, Shaped

from manual_impl.layers import build, softmax_cross_entropy, softmax_cross_entropy_backward
from twingrad.network import Gradients, Network, Parameters, RunningStatistics, Trace


def forward(
    network: Network,
    parameters: Parameters,
    X: Shaped[np.ndarray, "n d"],
    y: Int[np.ndarray, " n"],
    *,
    penalty: float,
    statistics: RunningStatistics | None = None,
) -> Trace:
    """Every intermediate: s1, mu1, v1, s_hat1, s_tilde1, x1, ..., sk, p, loss, cost.

    Arguments:
        network: gives the layers and their names.
        parameters: float32, float64 or complex128, all of one dtype; it is computed in.
        X: samples in rows.
        y: classes from 0.
        penalty: lambda.
        statistics: running statistics to use in place of the minibatch's; not changed.

    Returns:
        Arrays by name, in order of execution; loss and cost have shape ().
    """
    trace: Trace = {}
    x = X
    for layer in build(network):
        layer.forward(x, parameters, trace, statistics)
        x = trace[layer.output]
    trace["p"], trace["loss"] = softmax_cross_entropy(x, y)
    weights = [parameters[f"W{l}"] for l in range(1, network.depth + 1)]
    trace["cost"] = trace["loss"] + penalty * sum(np.square(W).sum() for W in weights)
    return trace


def backward(
    network: Network,
    parameters: Parameters,
    X: Float[np.ndarray, "n d"],
    y: Int[np.ndarray, " n"],
    trace: Trace,
    *,
    penalty: float,
    upstream: Mapping[str, np.ndarray] | None = None,
) -> Gradients:
    """d cost / d of every parameter and intermediate, from the trace of the forward pass.

    Arguments:
        trace: what `forward` returned for the same arguments, without running statistics.
        upstream: handed to every layer as the gradient of its output, in place of what the
            layer above computed (teacher forcing): each layer then answers for itself alone.

    Returns:
        Arrays by the names of what they are the gradient of.
    """
    layers = build(network)
    gradients: Gradients = {}
    gradients[layers[-1].output] = softmax_cross_entropy_backward(trace["p"], y)
    for layer, below in zip(reversed(layers), [*reversed(layers[:-1]), None], strict=True):
        x = X if below is None else trace[below.output]
        computed = gradients[layer.output]
        if upstream is not None:
            gradients[layer.output] = upstream[layer.output]
        G = layer.backward(x, parameters, trace, gradients)
        gradients[layer.output] = computed
        if below is not None and G is not None:
            gradients[below.output] = G
    for l in range(1, network.depth + 1):
        # the penalty's own part: d lambda ||W||^2 / d W = 2 lambda W
        gradients[f"W{l}"] += 2 * penalty * parameters[f"W{l}"]
    return gradients


def gradients(
    network: Network,
    parameters: Parameters,
    X: Float[np.ndarray, "n d"],
    y: Int[np.ndarray, " n"],
    *,
    penalty: float,
    upstream: Mapping[str, np.ndarray] | None = None,
) -> Gradients:
    """`backward` after `forward`."""
    trace = forward(network, parameters, X, y, penalty=penalty)
    return backward(network, parameters, X, y, trace, penalty=penalty, upstream=upstream)
