"""The losses: from the logits to p and the mean loss, and back to the gradient of the logits."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Int, Shaped

from manual_impl.arrays import Array, sigmoid, sum_over
from twingrad.network import Network


class CrossEntropy:
    """The cross-entropy -sum_j t_j log p_j of p = softmax(s), averaged over the samples."""

    def __init__(self, network: Network) -> None:
        self.smoothing = network.smoothing

    def forward(
        self, s: Shaped[Array, "*networks n classes"], y: Int[Array, "*networks n"]
    ) -> tuple[Shaped[Array, "*networks n classes"], Shaped[Array, "*networks"]]:
        """p and the mean loss.

        The largest logit of each sample is subtracted first, so exp is at most 1. log p is computed
        from the logits because p may underflow to 0.
        """
        shifted = s - s.real.max(axis=-1, keepdims=True)  # (n, classes)
        p = np.exp(shifted)  # (n, classes)
        totals = sum_over(-1, p)[..., None]  # (n, 1)
        log_p = shifted - np.log(totals)  # (n, classes)
        p /= totals
        losses = targets(y, s.shape[-1], self.smoothing, s.real.dtype) * log_p  # (n, classes)
        return p, -losses.sum(axis=(-2, -1)) / s.shape[-2]

    def backward(
        self, p: Shaped[Array, "*networks n classes"], y: Int[Array, "*networks n"]
    ) -> Shaped[Array, "*networks n classes"]:
        """d loss / d s = (p - t) / n."""
        # -sum_j t_j log p_j = log sum_j exp(s_j) - sum_j t_j s_j, since the t_j add up to 1; its
        # derivative with respect to s_j is p_j - t_j
        G = p - targets(y, p.shape[-1], self.smoothing, p.dtype)  # (n, classes)
        G /= p.shape[-2]
        return G


class BinaryCrossEntropy(CrossEntropy):
    """-sum_j (t_j log p_j + (1 - t_j) log(1 - p_j)) of p = 1 / (1 + exp(-s)), averaged over the
    samples. Its gradient is that of the softmax's cross-entropy."""

    def forward(
        self, s: Shaped[Array, "*networks n classes"], y: Int[Array, "*networks n"]
    ) -> tuple[Shaped[Array, "*networks n classes"], Shaped[Array, "*networks"]]:
        """p and the mean loss, computed from the logits because p may be rounded to 0 or 1."""
        p = sigmoid(s)  # (n, classes)
        positive = s.real > 0  # (n, classes)
        # -log(1 - p) = log(1 + exp(s)), in which exp is at most 1
        log_1_exp = np.where(positive, s, 0) + np.log1p(np.exp(np.where(positive, -s, s)))
        losses = log_1_exp - targets(y, s.shape[-1], 0.0, s.real.dtype) * s  # (n, classes)
        return p, losses.sum(axis=(-2, -1)) / s.shape[-2]


class SquaredError:
    """sum_j (p_j - t_j)^2 / 2 of p = 1 / (1 + exp(-s)), averaged over the samples."""

    def __init__(self, network: Network) -> None: ...

    def forward(
        self, s: Shaped[Array, "*networks n classes"], y: Int[Array, "*networks n"]
    ) -> tuple[Shaped[Array, "*networks n classes"], Shaped[Array, "*networks"]]:
        """p and the mean loss."""
        p = sigmoid(s)  # (n, classes)
        away = p - targets(y, s.shape[-1], 0.0, s.real.dtype)  # (n, classes)
        return p, (away * away).sum(axis=(-2, -1)) / (2 * s.shape[-2])

    def backward(
        self, p: Shaped[Array, "*networks n classes"], y: Int[Array, "*networks n"]
    ) -> Shaped[Array, "*networks n classes"]:
        """d loss / d s = (p - t) p (1 - p) / n."""
        away = p - targets(y, p.shape[-1], 0.0, p.dtype)  # (n, classes)
        # d p / d s = p (1 - p)
        return away * (p * (1 - p)) / p.shape[-2]


def targets(
    y: Int[Array, "*networks n"], classes: int, smoothing: float, dtype: Any
) -> Shaped[Array, "*networks n classes"]:
    """One-hot targets t; y itself for a single unit. With smoothing, that share of each is spread
    evenly over all classes (Szegedy et al. 2016)."""
    t = (y[..., None] == (np.arange(classes) if classes > 1 else 1)).astype(dtype)  # (n, classes)
    if smoothing:
        t *= 1 - smoothing
        t += smoothing / classes
    return t


Loss = CrossEntropy | SquaredError

LOSSES: Mapping[str, type[Loss]] = {
    "cross_entropy": CrossEntropy,
    "binary_cross_entropy": BinaryCrossEntropy,
    "squared_error": SquaredError,
}


@lru_cache(maxsize=256)
def loss_of(network: Network) -> Loss:
    """The network's loss."""
    return LOSSES[network.loss](network)
