"""The network of torch's own functions: linear, batch_norm, relu, cross_entropy."""

import numpy as np
import torch
from torch.nn import functional as F

from compare.cases import Case
from compare.diagnosis.catalogue import Prediction


def library_values(case: Case) -> Prediction:
    """The gradients of the parameters, p, loss and cost, by autograd through torch's layers."""
    network = case.network
    parameters = {
        name: torch.tensor(value, requires_grad=True) for name, value in case.parameters.items()
    }
    x = torch.tensor(case.X)
    for l in range(1, network.depth + 1):
        x = F.linear(x, parameters[f"W{l}"], parameters[f"b{l}"])
        if l == network.depth:
            break
        if network.batch_norm:
            gamma, beta = parameters[f"gamma{l}"], parameters[f"beta{l}"]
            x = F.batch_norm(x, None, None, gamma, beta, training=True, eps=network.eps)
        x = F.relu(x)
    loss = F.cross_entropy(x, torch.tensor(case.y))
    weights = (parameters[f"W{l}"] for l in range(1, network.depth + 1))
    cost = loss + case.penalty * sum(W.square().sum() for W in weights)
    cost.backward()
    values = {"p": F.softmax(x, dim=1), "loss": loss, "cost": cost}
    return {
        **{name: np.asarray(value.grad) for name, value in parameters.items()},
        **{f"forward {name}": value.detach().numpy() for name, value in values.items()},
    }
