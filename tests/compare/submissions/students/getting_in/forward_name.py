"""Right gradients. The forward function is called Apply2LayerNetwork."""

import numpy as np


def Apply2LayerNetwork(X, network):
    h = np.maximum(0, network["W"][0] @ X + network["b"][0])
    e = np.exp(network["W"][1] @ h + network["b"][1])
    return e / e.sum(axis=0), h


def Backward2LayerPass(X, Y, P, h, network, lam):
    n = X.shape[1]
    G = P - Y
    G1 = (network["W"][1].T @ G) * (h > 0)
    return {
        "W": [G1 @ X.T / n + 2 * lam * network["W"][0], G @ h.T / n + 2 * lam * network["W"][1]],
        "b": [G1.sum(axis=1, keepdims=True) / n, G.sum(axis=1, keepdims=True) / n],
    }
