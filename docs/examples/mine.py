import numpy as np


def forward(X, W1, b1, W2, b2):
    h = np.maximum(0, X @ W1 + b1)
    p = np.exp(h @ W2 + b2)
    return p / p.sum(axis=1, keepdims=True), h


def backward(X, Y, p, h, W1, b1, W2, b2, lam):
    G = (p - Y) / len(X)
    dW2, db2 = h.T @ G + 2 * lam * W2, G.sum(axis=0)
    G = G @ W2.T
    dW1, db1 = X.T @ G + 2 * lam * W1, G.sum(axis=0)
    return dW1, db1, dW2, db2
