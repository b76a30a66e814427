"""Right gradients; the mask is s >= 0, a valid subgradient at exactly 0 (measure zero in training)."""

import numpy as np


def apply_network(X, W, b):
    h, S = X, [X]
    for l in range(len(W)):
        s = W[l] @ h + b[l]
        h = np.maximum(0, s)
        S.append(s)
    e = np.exp(s)
    return e / e.sum(axis=0), S


def backward_pass(X, Y, P, S, W, b, lam):
    n, k = X.shape[1], len(W)
    gW, gb = [None] * k, [None] * k
    G = P - Y
    for l in reversed(range(k)):
        below = X if l == 0 else np.maximum(0, S[l])
        gW[l] = G @ below.T / n + 2 * lam * W[l]
        gb[l] = G.sum(axis=1, keepdims=True) / n
        if l:
            G = (W[l].T @ G) * (S[l] >= 0)
    return gW, gb
