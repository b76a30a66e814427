"""Many networks of one architecture as one: every tensor of `torch_impl.fast` with a model axis.

Parameters have it in front: W1 (models, out, in), b1 (models, out). Activations have the models'
units beside each other, x (n, models * m): then the first layer of models that share a minibatch
is a single product with all the W1 on top of each other, and batch norm, whose statistics are
per unit, needs to know nothing of models.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from torch_impl.fast import normalize, statistics_of
from torch_impl.folded import folded
from torch_impl.layers import Tensors
from twingrad.history import Evaluation
from twingrad.network import Network


def stacked_affine(
    x: Float[Tensor, "n all_in"], W: Float[Tensor, "models out in"], b: Float[Tensor, "models out"]
) -> Float[Tensor, "n all_out"]:
    """s = x W' + b of every model, from its own x (n, models * in)."""
    x = x.view(len(x), len(W), -1).transpose(0, 1)  # (models, n, in)
    return beside(torch.baddbmm(b[:, None], x, W.transpose(1, 2)))  # (n, models * out)


def beside(s: Float[Tensor, "models n m"]) -> Float[Tensor, "n all_m"]:
    """The models' units beside each other."""
    return s.transpose(0, 1).reshape(s.shape[1], -1)


def first_affine(X: Tensor, W: Tensor, b: Tensor) -> Float[Tensor, "n all_out"]:
    """The first layer, of a minibatch X (n, d) that all models share or of each its own,
    X (models, n, d)."""
    if X.dim() == 2:
        return F.linear(X, W.view(-1, W.shape[2]), b.view(-1))  # (n, models * out)
    return beside(torch.baddbmm(b[:, None], X, W.transpose(1, 2)))


def stacked_losses(
    network: Network, above: Tensors, s1: Float[Tensor, "n all_m1"], y: Tensor
) -> tuple[Float[Tensor, " models"], Float[Tensor, "models all"]]:
    """Mean cross-entropy of every model; its statistics in one row, apart from the graph.

    Arguments:
        network: gives the layers.
        above: every parameter but W1 and b1, models in front.
        s1: what these make of the minibatches.
        y: classes, (n,) shared by all or (models, n).
    """
    s, models = s1, s1.shape[1] // network.widths[1]
    means: list[Tensor] = []
    inverses: list[Tensor] = []
    for l in range(1, network.depth):
        if network.batch_norm:
            gamma, beta = above[f"gamma{l}"].view(-1), above[f"beta{l}"].view(-1)
            s, mu, inverse = normalize(s, gamma, beta, network.eps)
            means.append(mu.view(models, -1))
            inverses.append(inverse.view(models, -1))
        s = stacked_affine(F.relu(s), above[f"W{l + 1}"], above[f"b{l + 1}"])
    losses = cross_entropies(s, y, models).mean(dim=0)
    return losses, statistics_of(s, means, inverses, network.eps)


def cross_entropies(
    logits: Float[Tensor, "n all_classes"], y: Tensor, models: int
) -> Float[Tensor, "n models"]:
    """-log p of every sample's class by every model; y is (n,) or (models, n)."""
    n = len(logits)
    classes = (y[:, None].expand(n, models) if y.dim() == 1 else y.t()).reshape(-1)
    each = F.cross_entropy(logits.view(n * models, -1), classes, reduction="none")
    return each.view(n, models)


def stacked_squares(network: Network, parameters: Tensors) -> Float[Tensor, " models"]:
    """sum ||W||^2 over all layers of every model."""
    weights = [parameters[f"W{l}"].detach() for l in range(1, network.depth + 1)]
    return torch.stack([torch.linalg.vector_norm(W, dim=(1, 2)) for W in weights]).square().sum(0)


@torch.no_grad()
def stacked_descend(
    parameters: Tensors,
    X: Tensor,
    gradients: Sequence[Tensor],
    *,
    penalties: Float[Tensor, " models"],
    first_penalties: Float[Tensor, " models"],
    learning_rates: Float[Tensor, " models"],
    diverged: Bool[Tensor, " models"],
) -> None:
    """One step of every model that has not diverged.

    Arguments:
        parameters: changed in place.
        X: (n, d) shared by all, or (models, n, d).
        gradients: of the losses: of s1, then of all parameters but W1 and b1; overwritten. NaN
            where a model has diverged.
        penalties: lambda.
        first_penalties: the same, in the step of W1.
        learning_rates: eta.
        diverged: whose step is 0.
    """
    models, W1 = len(penalties), parameters["W1"]
    rates = learning_rates.masked_fill(diverged, 0)
    keep = 1 - 2 * rates * penalties  # W - eta (g + 2 lambda W) = keep W - eta g
    ds1 = gradients[0].view(-1, models, W1.shape[1])  # (n, models, m1)
    ds1.masked_fill_(diverged[:, None], 0)  # 0 times NaN would be NaN
    W1.mul_((1 - 2 * rates * first_penalties)[:, None, None])
    step = -rates[:, None] * ds1
    if X.dim() == 2:
        W1.view(-1, W1.shape[2]).addmm_(step.flatten(1).t(), X)
    else:
        W1.baddbmm_(step.permute(1, 2, 0), X)
    parameters["b1"].add_(step.sum(dim=0))
    above = [name for name in parameters if name not in ("W1", "b1")]
    for name, gradient in zip(above, gradients[1:], strict=True):
        axes = (-1, *[1] * (gradient.dim() - 1))
        gradient.masked_fill_(diverged.view(axes), 0)
        if name.startswith("W"):
            parameters[name].mul_(keep.view(axes))
        parameters[name].addcmul_(gradient, rates.view(axes), value=-1)


@torch.no_grad()
def evaluate_stacked(
    network: Network,
    state: Tensors,
    X: Float[Tensor, "n d"],
    y: Int[Tensor, " n"],
    *,
    penalties: Float[Tensor, " models"],
    chunk: int,
) -> list[Evaluation]:
    """Cost, loss and accuracy of every model; waits for the device once, at its end.

    Arguments:
        network: gives the layers.
        state: parameters and running statistics, models in front.
        X, y: samples and classes on the state's device; X may be of a narrower dtype.
        penalties: lambda.
        chunk: samples at a time.
    """
    models, layers = len(penalties), folded(network, state)
    totals = torch.zeros((3, models), dtype=torch.float64, device=X.device)
    for x, classes in zip(X.split(chunk), y.split(chunk), strict=True):
        s = first_affine(x.to(state["W1"].dtype), *layers[0])
        for layer in layers[1:]:
            s = stacked_affine(s.relu_(), *layer)
        totals[0] += cross_entropies(s, classes, models).sum(dim=0)
        right = s.view(len(classes), models, -1).argmax(dim=2) == classes[:, None]
        totals[1] += right.sum(dim=0)
    totals[0] /= len(y)
    totals[1] /= len(y)
    totals[2] = totals[0] + penalties * stacked_squares(network, state)
    losses, accuracies, costs = totals.tolist()
    return [Evaluation(*found) for found in zip(costs, losses, accuracies, strict=True)]
