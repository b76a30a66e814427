"""The losses in torch: p of the logits, and the mean loss of each network."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from twingrad.network import Network


def probabilities(
    network: Network, s: Float[Tensor, "*networks n classes"]
) -> Float[Tensor, "*networks n classes"]:
    """p: the softmax of the logits, or the sigmoid of each."""
    return s.softmax(-1) if network.loss == "cross_entropy" else s.sigmoid()


def mean_loss(
    network: Network, s: Float[Tensor, "*networks n classes"], y: Int[Tensor, "*networks n"]
) -> Float[Tensor, "*networks"]:
    """The loss, averaged over the samples.

    The cross-entropy is -sum_j t_j log p_j, the binary cross-entropy -sum_j (t_j log p_j +
    (1 - t_j) log(1 - p_j)), the squared error sum_j (p_j - t_j)^2 / 2. t is one-hot, or y itself
    for a single unit; with smoothing, that share of it is spread evenly over all classes (Szegedy
    et al. 2016).
    """
    if network.loss == "cross_entropy":
        return cross_entropy(s, y, network.smoothing)
    classes = [1] if network.classes == 1 else range(network.classes)
    t = (y[..., None] == torch.tensor(classes, device=y.device)).to(s.dtype)
    if network.loss == "binary_cross_entropy":
        losses = F.binary_cross_entropy_with_logits(s, t.expand_as(s), reduction="none")
    else:
        losses = (s.sigmoid() - t).square() / 2
    return losses.sum(-1).mean(-1)


def cross_entropy(
    s: Float[Tensor, "*networks n classes"], y: Int[Tensor, "*networks n"], smoothing: float
) -> Float[Tensor, "*networks"]:
    """The cross-entropy of the softmax, averaged over the samples."""
    if s.dim() == 2:
        return F.cross_entropy(s, y, label_smoothing=smoothing)
    samples, classes = s.shape[:-1], y.expand(s.shape[:-1])
    losses = F.cross_entropy(
        s.flatten(0, -2), classes.flatten(), reduction="none", label_smoothing=smoothing
    )
    return losses.view(samples).mean(-1)
