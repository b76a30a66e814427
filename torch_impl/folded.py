"""Evaluation with batch norm folded into the weights, tested against `torch_impl.evaluate`."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from torch_impl.layers import Tensors
from twingrad.history import Evaluation
from twingrad.network import Network


def squares(network: Network, parameters: Tensors) -> Float[Tensor, ""]:
    """sum ||W||^2 over all layers."""
    weights = [parameters[f"W{l}"].detach() for l in range(1, network.depth + 1)]
    return torch.stack([torch.linalg.vector_norm(W) for W in weights]).square().sum()


def folded(network: Network, state: Tensors) -> list[tuple[Tensor, Tensor]]:
    """(W, b) of every layer, with the running statistics' batch norm inside.

    gamma (W x + b - mu) / sqrt(v + eps) + beta is affine in x, so evaluation needs no batch norm.

    Arguments:
        network: gives the layers.
        state: parameters and, for batch norm, running statistics; (out, in) and (out,), or
            with axes for models before these.
    """
    layers = []
    for l in range(1, network.depth + 1):
        W, b = state[f"W{l}"], state[f"b{l}"]
        if network.batch_norm and l < network.depth:
            scale = state[f"gamma{l}"] / (state[f"v{l}"] + network.eps).sqrt()  # (out,)
            W, b = scale[..., None] * W, scale * (b - state[f"mu{l}"]) + state[f"beta{l}"]
        layers.append((W, b))
    return layers


@torch.no_grad()
def evaluate_folded(
    network: Network, state: Tensors, X: Tensor, y: Tensor, *, penalty: float, chunk: int
) -> Evaluation:
    """Cost, loss and accuracy by the running statistics; waits for the device once, at its end.

    Arguments:
        network, state: as in `folded`.
        X, y: samples and classes on the state's device; X may be of a narrower dtype.
        penalty: lambda.
        chunk: samples at a time.
    """
    layers = folded(network, state)
    total = torch.zeros(3, dtype=torch.float64, device=X.device)  # loss, correct, squares
    for x, classes in zip(X.split(chunk), y.split(chunk), strict=True):
        x = x.to(state["W1"].dtype)
        for W, b in layers[:-1]:
            x = F.linear(x, W, b).relu_()
        logits = F.linear(x, *layers[-1])
        total[0] += F.cross_entropy(logits, classes, reduction="sum")
        total[1] += (logits.argmax(dim=1) == classes).sum()
    total[2] = squares(network, state)
    loss, correct, sum_of_squares = total.tolist()
    return Evaluation(loss / len(y) + penalty * sum_of_squares, loss / len(y), correct / len(y))
