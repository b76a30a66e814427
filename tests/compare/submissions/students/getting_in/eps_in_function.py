"""Right gradients, batch norm with eps = 1e-12 written into the code."""

import numpy as np

EPS = 1e-12


def forward_pass(X, W, b, gamma, beta):
    layers = [X]
    S, S_hat, mus, vs = [], [], [], []
    for l in range(len(W) - 1):
        s = W[l] @ layers[-1] + b[l]
        mu, v = s.mean(axis=1, keepdims=True), s.var(axis=1, keepdims=True)
        s_hat = (s - mu) / np.sqrt(v + EPS)
        S.append(s)
        S_hat.append(s_hat)
        mus.append(mu)
        vs.append(v)
        layers.append(np.maximum(0, gamma[l] * s_hat + beta[l]))
    e = np.exp(W[-1] @ layers[-1] + b[-1])
    P = e / e.sum(axis=0)
    return P, layers, S_hat, vs


def backward_pass(X, Y, P, layers, S_hat, vs, W, b, gamma, beta, lam):
    n, k = X.shape[1], len(W)
    gW, gb, gg, gB = [None] * k, [None] * k, [None] * (k - 1), [None] * (k - 1)
    G = P - Y
    for l in reversed(range(k)):
        if l < k - 1:
            G = G * (layers[l + 1] > 0)
            gg[l] = (G * S_hat[l]).sum(axis=1, keepdims=True) / n
            gB[l] = G.sum(axis=1, keepdims=True) / n
            G = G * gamma[l]
            G = (
                G
                - G.mean(axis=1, keepdims=True)
                - S_hat[l] * (G * S_hat[l]).mean(axis=1, keepdims=True)
            ) / np.sqrt(vs[l] + EPS)
        gW[l] = G @ layers[l].T / n + 2 * lam * W[l]
        gb[l] = G.sum(axis=1, keepdims=True) / n
        G = W[l].T @ G
    return gW, gb, gg, gB
