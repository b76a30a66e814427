"""Right gradients. One flag switches batch norm; the forward pass then returns six things, else two (a slice among them)."""

import numpy as np


def EvaluateClassifier(X, W, b, gamma=None, beta=None, batch_normalization=False):
    k = len(W)
    H, S, S_BN, mean, var = (
        [X] + [None] * (k - 1),
        [None] * (k - 1),
        [None] * (k - 1),
        [None] * (k - 1),
        [None] * (k - 1),
    )
    for l in range(k - 1):
        S[l] = W[l] @ H[l] + b[l]
        z = S[l]
        if batch_normalization:
            mean[l], var[l] = z.mean(axis=1, keepdims=True), z.var(axis=1, keepdims=True)
            S_BN[l] = (z - mean[l]) / np.sqrt(var[l] + 1e-15)
            z = gamma[l] * S_BN[l] + beta[l]
        H[l + 1] = np.maximum(0, z)
    e = np.exp(W[-1] @ H[-1] + b[-1])
    P = e / e.sum(axis=0)
    if batch_normalization:
        return P, S_BN, S, H[1:], mean, var
    return P, H[1:]


def ComputeGradients(
    X, Y, P, S_BN, S, X_layers, W, b, gamma, beta, mean, var, lambda_, batch_normalization
):
    n, k = X.shape[1], len(W)
    X_layers = [X] + X_layers
    gW, gb, gg, gB = [None] * k, [None] * k, [None] * (k - 1), [None] * (k - 1)
    G = P - Y
    for l in reversed(range(k)):
        if l < k - 1:
            G = G * (X_layers[l + 1] > 0)
            if batch_normalization:
                gg[l], gB[l] = (
                    (G * S_BN[l]).sum(axis=1, keepdims=True) / n,
                    G.sum(axis=1, keepdims=True) / n,
                )
                G = G * gamma[l]
                G = (
                    G
                    - G.mean(axis=1, keepdims=True)
                    - S_BN[l] * (G * S_BN[l]).mean(axis=1, keepdims=True)
                ) / np.sqrt(var[l] + 1e-15)
        gW[l], gb[l] = G @ X_layers[l].T / n + 2 * lambda_ * W[l], G.sum(axis=1, keepdims=True) / n
        G = W[l].T @ G
    if batch_normalization:
        return gW, gb, gg, gB
    return gW, gb
