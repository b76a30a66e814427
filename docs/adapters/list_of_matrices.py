"""An adapter for NumPy code with another interface.

    twingrad check --code docs/adapters/list_of_matrices.py

The code (`train_step` below; import yours instead) stores the weights and bias of a layer in one
matrix, with the bias as its last column. Samples are columns, and the penalty is lambda/2 ||W||^2.
"""

import numpy as np


def train_step(thetas, X, Y, weight_decay):
    """The code to check: cost and gradients of a network given as a list of (out, in + 1)."""
    n = X.shape[1]
    inputs, signal = [], X
    for theta in thetas:
        inputs.append(np.vstack([signal, np.ones((1, n))]))
        signal = theta @ inputs[-1]
        if theta is not thetas[-1]:
            signal = np.maximum(signal, 0)
    P = np.exp(signal) / np.exp(signal).sum(axis=0)
    cost = -np.log((P * Y).sum(axis=0)).mean()
    cost += weight_decay / 2 * sum((theta[:, :-1] ** 2).sum() for theta in thetas)
    gradients, G = [], (P - Y) / n
    for theta, below in zip(thetas[::-1], inputs[::-1], strict=True):
        gradient = G @ below.T
        gradient[:, :-1] += weight_decay * theta[:, :-1]
        gradients.insert(0, gradient)
        G = (theta[:, :-1].T @ G) * (below[:-1] > 0)
    return cost, gradients


def run(network, parameters, X, y, penalty):
    """Convert our parameters to the code's form and call it."""
    if network.batch_norm:
        raise NotImplementedError("this code has no batch norm")
    thetas = [
        np.column_stack([parameters[f"W{l}"], parameters[f"b{l}"]])
        for l in range(1, network.depth + 1)
    ]
    Y = np.eye(network.classes)[y].T
    return train_step(thetas, X.T, Y, 2 * penalty)


def gradients(network, parameters, X, y, *, penalty):
    """The code's gradients under our names. See compare/submissions/protocol.py."""
    _, found = run(network, parameters, X, y, penalty)
    named = {f"W{l}": gradient[:, :-1] for l, gradient in enumerate(found, 1)}
    return named | {f"b{l}": gradient[:, -1] for l, gradient in enumerate(found, 1)}


def forward(network, parameters, X, y, *, penalty):
    """Optional: the code's cost, which is then differentiated numerically."""
    return {"cost": run(network, parameters, X, y, penalty)[0]}
