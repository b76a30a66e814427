"""Evaluation near the speed of its matrix products, of one network or of many side by side.

With running statistics batch norm is affine, s_tilde = a (s - mu) + beta with
a = gamma / sqrt(v + eps), so it folds into the layer below: W becomes a W, b becomes
a (b - mu) + beta. What is left are affine layers and ReLUs.
"""

import numpy as np
from jaxtyping import Float

from manual_impl.fast import Array, measure
from manual_impl.layers import softmax_cross_entropy
from twingrad.dataset import Split
from twingrad.history import Evaluation
from twingrad.network import Network, Parameters, RunningStatistics

CHUNK = 500
"""Samples evaluated at a time: few enough that the intermediates stay in the cache."""


def fold(
    network: Network, parameters: Parameters, statistics: RunningStatistics
) -> list[tuple[Array, Array]]:
    """W (models, out, in) and b (models, out) of every layer, with its batch norm inside.

    Arguments:
        parameters, statistics: {name: (models, *shape)}; not changed.
    """
    layers = []
    for l in range(1, network.depth + 1):
        W, b = parameters[f"W{l}"], parameters[f"b{l}"]
        if network.batch_norm and l < network.depth:
            a = parameters[f"gamma{l}"] / np.sqrt(statistics[f"v{l}"] + network.eps)
            W = a[:, :, None] * W
            b = a * (b - statistics[f"mu{l}"]) + parameters[f"beta{l}"]
        layers.append((W, b))
    return layers


def evaluate_folded(
    network: Network,
    parameters: Parameters,
    statistics: RunningStatistics,
    split: Split,
    penalty: Float[Array, " models"],
    *,
    chunk: int = CHUNK,
) -> list[Evaluation]:
    """Cost, loss and accuracy of every model with its running statistics.

    Arguments:
        parameters, statistics: {name: (models, *shape)}; not changed.
        split: what to evaluate; converted to the parameters' dtype where it has another.
        penalty: lambda of each model.
        chunk: samples at a time.
    """
    models, dtype = len(penalty), parameters["W1"].dtype
    layers = fold(network, parameters, statistics)
    losses, correct = np.zeros(models), np.zeros(models, dtype=int)
    for start in range(0, len(split), chunk):
        X, y = split.X[start : start + chunk], split.y[start : start + chunk]
        s = logits(layers, X.astype(dtype, copy=False))  # (n, models, classes)
        for i in range(models):
            _, loss = softmax_cross_entropy(s[:, i], y)
            losses[i] += float(loss) * len(y)
            correct[i] += int((s[:, i].argmax(axis=1) == y).sum())
    losses /= len(split)
    squares = np.zeros((network.depth, models))
    for l in range(1, network.depth + 1):
        measure(parameters[f"W{l}"], squares[l - 1])
    costs = losses + penalty * squares.sum(axis=0)
    return [
        Evaluation(float(cost), float(loss), int(right) / len(split))
        for cost, loss, right in zip(costs, losses, correct, strict=True)
    ]


def logits(layers: list[tuple[Array, Array]], X: Float[Array, "n d"]) -> Array:
    """s of the last layer, (n, models, classes)."""
    W, b = layers[0]
    s = (X @ W.reshape(-1, W.shape[2]).T).reshape(len(X), *b.shape)  # (n, models, m1)
    s += b
    for W, b in layers[1:]:
        x = np.maximum(s, 0, out=s)
        s = np.empty((len(X), *b.shape), X.dtype)  # (n, models, out)
        np.matmul(x.transpose(1, 0, 2), W.transpose(0, 2, 1), out=s.transpose(1, 0, 2))
        s += b
    return s
