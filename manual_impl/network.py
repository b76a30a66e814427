"""The whole network by hand: every intermediate forward, every gradient backward."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from manual_impl.arrays import Scalars, add_scaled, squared_norm
from manual_impl.layers import Layer, Pass, build
from manual_impl.losses import loss_of
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
        network: defines the layers and their names.
        parameters: float16 to float64 or complex128, all of one dtype, which is used throughout.
            A leading axis means many networks, and the results then have it too.
        X: samples in rows; without the leading axis all networks share them.
        y: classes from 0.
        penalty: lambda, or one for each network.
        statistics: running statistics, used instead of the batch statistics; not changed.
        masks: dropout masks, True where a unit is kept; None drops nothing.

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
    """Gradients of the cost with respect to every parameter and intermediate.

    Arguments:
        trace: the result of `forward` for the same arguments, without running statistics.
        upstream: gradient of every layer's output, used instead of the gradient computed by the
            layer above (teacher forcing), so that an error stays within its own layer.

    Returns:
        Gradients under the names of the parameters and intermediates.
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
    """Run `forward`, then `backward`."""
    trace = forward(network, parameters, X, y, penalty=penalty, masks=masks)
    return backward(
        network, parameters, X, y, trace, penalty=penalty, masks=masks, upstream=upstream
    )


def squared_norms(weights: Sequence[str], parameters: Parameters) -> np.ndarray:
    """sum ||W||^2 over these weights, shape () or (networks,)."""
    return np.asarray(sum(squared_norm(parameters[name]) for name in weights))


def run_layers(layers: Sequence[Layer], x: np.ndarray, run: Pass) -> np.ndarray:
    """Run the layers on x, adding their intermediates to the trace; return the last output."""
    for layer in layers:
        layer.forward(x, run)
        x = run.trace[layer.output]
    return x


def finish_trace(
    network: Network, s: np.ndarray, y: np.ndarray, trace: Trace, penalties: np.ndarray
) -> None:
    """Add p, loss and cost to the trace, given the logits s and lambda * sum ||W||^2."""
    trace["p"], trace["loss"] = loss_of(network).forward(s, y)
    trace["cost"] = trace["loss"] + penalties


def run_layers_back(
    network: Network,
    layers: Sequence[Layer],
    x: np.ndarray,
    y: np.ndarray,
    run: Pass,
    upstream: Mapping[str, np.ndarray] | None = None,
) -> Any:
    """Run the backward passes of the last layers of the network, whose input is x, adding the
    gradients of the loss to `run.gradients`. Returns d loss / d x, or None if nothing needs it."""
    G: Any = loss_of(network).backward(run.trace["p"], y)
    for layer, below in zip(reversed(layers), [*reversed(layers[:-1]), None], strict=True):
        run.gradients[layer.output] = G if upstream is None else upstream[layer.output]
        computed, G = G, layer.backward(x if below is None else run.trace[below.output], run)
        run.gradients[layer.output] = computed
    return G


def add_penalty(weights: Sequence[str], run: Pass, penalty: Scalars) -> None:
    """Add the gradient of the penalty: d lambda ||W||^2 / d W = 2 lambda W."""
    for name in weights:
        add_scaled(run.gradients[name], 2 * penalty, run.parameters[name])
