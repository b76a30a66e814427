"""Right gradients. The functions take the student's own object `network`, not a dict."""

import numpy as np


class Network:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward_pass(self, X):
        layers = [X]
        for W, b in zip(self.W, self.b):
            s = W @ layers[-1] + b
            layers.append(np.maximum(0, s))
        e = np.exp(s)
        return e / e.sum(axis=0), layers


def compute_gradients(X, Y, network, lam):
    P, layers = network.forward_pass(X)
    n, k = X.shape[1], len(network.W)
    gW, gb = [None] * k, [None] * k
    G = P - Y
    for l in reversed(range(k)):
        gW[l] = G @ layers[l].T / n + 2 * lam * network.W[l]
        gb[l] = G.sum(axis=1, keepdims=True) / n
        G = (network.W[l].T @ G) * (layers[l] > 0)
    return gW, gb
