"""Right gradients in a dict of dicts keyed 0, 1: {'W': {0: ..., 1: ...}, 'b': {...}}."""

import numpy as np


def ApplyNetwork(X, network):
    h = np.maximum(0, network["W"][0] @ X + network["b"][0])
    e = np.exp(network["W"][1] @ h + network["b"][1])
    return e / e.sum(axis=0)


def BackwardPass(X, Y, P, network, lam):
    n = X.shape[1]
    grads = {"W": {}, "b": {}}
    h = np.maximum(0, network["W"][0] @ X + network["b"][0])
    G = -(Y - P)
    grads["W"][1] = G @ h.T / n + 2 * lam * network["W"][1]
    grads["b"][1] = G.mean(axis=1, keepdims=True)
    G = (network["W"][1].T @ G) * (h > 0)
    grads["W"][0] = G @ X.T / n + 2 * lam * network["W"][0]
    grads["b"][0] = G.mean(axis=1, keepdims=True)
    return grads
