"""Right gradients; asserts the assignment's own sizes, as many students do after each step."""

import numpy as np


def evaluate_classifier(X, W1, b1, W2, b2):
    h = np.maximum(0, W1 @ X + b1)
    e = np.exp(W2 @ h + b2)
    return e / e.sum(axis=0), h


def compute_gradients(X, Y, P, h, W1, b1, W2, b2, lam):
    n = X.shape[1]
    G = P - Y
    grad_W2, grad_b2 = G @ h.T / n + 2 * lam * W2, G.sum(axis=1, keepdims=True) / n
    G = (W2.T @ G) * (h > 0)
    grad_W1, grad_b1 = G @ X.T / n + 2 * lam * W1, G.sum(axis=1, keepdims=True) / n
    assert grad_W1.shape == (50, 3072)
    return grad_W1, grad_b1, grad_W2, grad_b2
