"""The helper needs the file that imports it; `python mine.py` works."""

from functions import *


def apply_network(X, W, b):
    return softmax(W @ X + b)


def compute_cost(X, Y, W, b, lam):
    return -np.log((Y * apply_network(X, W, b)).sum(axis=0)).mean() + lam * (W**2).sum()


def compute_gradients(X, Y, W, b, lam):
    G = apply_network(X, W, b) - Y
    n = X.shape[1]
    return G @ X.T / n + 2 * lam * W, G.sum(axis=1, keepdims=True) / n


if __name__ == "__main__":
    print("ran")
