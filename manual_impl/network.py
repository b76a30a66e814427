"""The whole network by hand: forward to every intermediate, backward to every gradient."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from manual_impl.arrays import Scalars, add_scaled, squared_norm
from manual_impl.layers import (
    Layer,
    Pass,
    build,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
)
from twingrad.network import Gradients, Masks, Network, Parameters, RunningStatistics, Trace


def forward(
    network: Network,
    parameters: Parameters,
    X: Shaped[np.ndarray, "*networks n d"],
    y: Int[np.ndarray, "*networks n"],
    *,
    penalty: Scalars,
    statistics: RunningStatistics | None = None,
    masks: Masks | None = None,
) -> Trace:
    """Every intermediate: s1, mu1, v1, s_hat1, s_tilde1, x1, ..., sk, p, loss, cost.

    Arguments:
        network: gives the layers and their names.
        parameters: float16 to float64 or complex128, all of one dtype; it is computed in. With a
            leading axis they are those of many networks, and so is all that is returned.
        X: samples in rows; without the leading axis all networks share them.
        y: classes from 0.
        penalty: lambda, or that of each network.
        statistics: running statistics to use in place of the minibatch's; not changed.
        masks: of dropout, True where a unit is kept; None drops nothing.

    Returns:
        Arrays by name, in order of execution; loss and cost have shape () or (networks,).
    """
    run = Pass(parameters, statistics, masks)
    s = run_layers(build(network), X, run)
    finish_trace(network, s, y, run.trace, penalty * squared_norms(network.weights, parameters))
    return run.trace


def backward(
    network: Network,
    parameters: Parameters,
    X: Float[np.ndarray, "*networks n d"],
    y: Int[np.ndarray, "*networks n"],
    trace: Trace,
    *,
    penalty: Scalars,
    masks: Masks | None = None,
    upstream: Mapping[str, np.ndarray] | None = None,
) -> Gradients:
    """d cost / d of every parameter and intermediate, from the trace of the forward pass.

    Arguments:
        trace: what `forward` returned for the same arguments, without running statistics.
        upstream: passed to every layer as the gradient of its output, in place of what the
            layer above computed (teacher forcing): each layer then answers for itself alone.

    Returns:
        Arrays by the names of what they are the gradient of.
    """
    run = Pass(parameters, None, masks, trace)
    run_layers_back(network, build(network), X, y, run, upstream)
    add_penalty(network.weights, run, penalty)
    return run.gradients


def gradients(
    network: Network,
    parameters: Parameters,
    X: Float[np.ndarray, "*networks n d"],
    y: Int[np.ndarray, "*networks n"],
    *,
    penalty: Scalars,
    masks: Masks | None = None,
    upstream: Mapping[str, np.ndarray] | None = None,
) -> Gradients:
    """`backward` after `forward`."""
    trace = forward(network, parameters, X, y, penalty=penalty, masks=masks)
    return backward(
        network, parameters, X, y, trace, penalty=penalty, masks=masks, upstream=upstream
    )


def squared_norms(weights: Sequence[str], parameters: Parameters) -> np.ndarray:
    """sum ||W||^2 over these weights, () or (networks,)."""
    return np.asarray(sum(squared_norm(parameters[name]) for name in weights))


def run_layers(layers: Sequence[Layer], x: np.ndarray, run: Pass) -> np.ndarray:
    """Adds what the layers compute from x to the trace; returns the output of the last."""
    for layer in layers:
        layer.forward(x, run)
        x = run.trace[layer.output]
    return x


def finish_trace(
    network: Network, s: np.ndarray, y: np.ndarray, trace: Trace, penalties: np.ndarray
) -> None:
    """Adds p, loss and cost to the trace, given the logits and lambda * sum ||W||^2."""
    trace["p"], trace["loss"] = softmax_cross_entropy(s, y, network.smoothing)
    trace["cost"] = trace["loss"] + penalties


def run_layers_back(
    network: Network,
    layers: Sequence[Layer],
    x: np.ndarray,
    y: np.ndarray,
    run: Pass,
    upstream: Mapping[str, np.ndarray] | None = None,
) -> Any:
    """Adds the gradients of the loss by all that the last layers of the network compute.

    Returns d loss / d x, where x is the input of the first of them; None where nobody needs it.
    """
    G: Any = softmax_cross_entropy_backward(run.trace["p"], y, network.smoothing)
    for layer, below in zip(reversed(layers), [*reversed(layers[:-1]), None], strict=True):
        run.gradients[layer.output] = G if upstream is None else upstream[layer.output]
        computed, G = G, layer.backward(x if below is None else run.trace[below.output], run)
        run.gradients[layer.output] = computed
    return G


def add_penalty(weights: Sequence[str], run: Pass, penalty: Scalars) -> None:
    """Adds the penalty's own part of the gradients: d lambda ||W||^2 / d W = 2 lambda W."""
    for name in weights:
        add_scaled(run.gradients[name], 2 * penalty, run.parameters[name])
