"""course/ has an __init__.py, course/classifiers/ has none, as in CS231n's starter code."""

from ..layers import *


def apply_network(X, W, b):
    return softmax(W @ X + b)


def compute_gradients(X, Y, P, W, b, lam):
    n = X.shape[1]
    return (P - Y) @ X.T / n + 2 * lam * W, (P - Y).sum(axis=1, keepdims=True) / n
