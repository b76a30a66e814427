"""Known layers, with their gradients by hand. Samples are rows.

A function is recognised by its output.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

Arrays = tuple[np.ndarray, ...]

ALL_EPS = (1e-5, 1e-8, 1e-7, 1e-6, 1e-12, 1e-10, 1e-15, 1e-16, 2.220446049250313e-16, 1e-3, 0.0)


@dataclass(frozen=True)
class Known:
    """A known layer.

    Arguments:
        name: for people.
        inputs: how many arrays it takes.
        forward: the output of them.
        backward: the gradients by each, from them and the gradient by the output.
        axis, eps: of a normalisation.
    """

    name: str
    inputs: int
    forward: Callable[..., np.ndarray]
    backward: Callable[..., Arrays]
    axis: int = 0
    eps: float = 0.0


def affine(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1) @ w + b


def affine_back(G: np.ndarray, x: np.ndarray, w: np.ndarray, b: np.ndarray) -> Arrays:
    flat = x.reshape(len(x), -1)
    return (G @ w.T).reshape(x.shape), flat.T @ G, G.sum(axis=0).reshape(b.shape)


def columns(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return w @ x + b


def columns_back(G: np.ndarray, x: np.ndarray, w: np.ndarray, b: np.ndarray) -> Arrays:
    return w.T @ G, G @ x.T, G.sum(axis=1).reshape(b.shape)


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def relu_back(G: np.ndarray, x: np.ndarray) -> Arrays:
    return (np.where(x > 0, G, 0),)


def normal(axis: int, eps: float, x: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> np.ndarray:
    s_hat = (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + eps)
    return gamma * s_hat + beta


def normal_back(
    axis: int, eps: float, G: np.ndarray, x: np.ndarray, gamma: np.ndarray, beta: np.ndarray
) -> Arrays:
    root = np.sqrt(x.var(axis, keepdims=True) + eps)
    s_hat = (x - x.mean(axis, keepdims=True)) / root
    G_hat = G * gamma
    mean, product = (v.mean(axis, keepdims=True) for v in (G_hat, G_hat * s_hat))
    over = 1 if gamma.ndim > 1 and gamma.shape[0] > 1 else 0  # (d, 1) where samples are columns
    by_gamma, by_beta = ((v.sum(axis=over)).reshape(gamma.shape) for v in (G * s_hat, G))
    return (G_hat - mean - s_hat * product) / root, by_gamma, by_beta


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def layers() -> Iterator[Known]:
    """All known layers."""
    yield Known("affine layer", 3, affine, affine_back)
    yield Known("affine layer, samples in columns", 3, columns, columns_back)
    yield Known("ReLU", 1, relu, relu_back)
    yield Known("sigmoid", 1, sigmoid, lambda G, x: (G * sigmoid(x) * (1 - sigmoid(x)),))
    yield Known("tanh", 1, np.tanh, lambda G, x: (G * (1 - np.tanh(x) ** 2),))
    for eps in ALL_EPS:
        for kind, axis in (("batch norm", 0), ("layer norm", 1)):
            name = f"{kind}, eps {eps:g}"
            both = partial(normal, axis, eps), partial(normal_back, axis, eps)
            yield Known(name, 3, *both, axis, eps)


def softmax_loss(s: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean cross-entropy of scores, and its gradient."""
    p = np.exp(s - s.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    rows = np.arange(len(s))
    loss = float(-np.log(p[rows, y]).mean())
    p[rows, y] -= 1
    return loss, p / len(s)


def svm_loss(s: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean multiclass hinge loss of scores with margin 1, and its gradient."""
    rows = np.arange(len(s))
    margins = np.maximum(0, s - s[rows, y][:, None] + 1)
    margins[rows, y] = 0
    G = (margins > 0).astype(float)
    G[rows, y] = -G.sum(axis=1)
    return float(margins.sum() / len(s)), G / len(s)


LOSSES: Mapping[str, Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]]] = {
    "softmax loss": softmax_loss,
    "SVM loss": svm_loss,
}


def known_layer(arrays: Arrays, out: np.ndarray) -> Known | None:
    """The known layer that computes this output from these arrays."""
    for layer in layers():
        if layer.inputs == len(arrays):
            try:
                with np.errstate(all="ignore"):
                    ours = layer.forward(*arrays)
            except (ValueError, IndexError):
                continue
            if ours.shape == out.shape and np.allclose(ours, out, rtol=1e-12, atol=1e-12):
                return layer
    return None
