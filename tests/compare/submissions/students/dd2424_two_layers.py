import numpy as np


def EvaluateClassifier(X, W, b):
    s1 = W[0] @ X + b[0]
    h = np.maximum(s1, 0)
    s = W[1] @ h + b[1]
    P = np.exp(s)
    P = P / np.sum(P, axis=0)
    return P, h


def ComputeGradients(X, Y, P, h, W, b, lamda):
    n = Y.shape[1]
    g = -(Y - P)
    grad_W2 = g @ h.T / n + 2 * lamda * W[1]
    grad_b2 = g @ np.ones((n, 1)) / n
    g = W[1].T @ g
    g = g * (h > 0)
    grad_W1 = g @ X.T / n + 2 * lamda * W[0]
    grad_b1 = g @ np.ones((n, 1)) / n
    return [grad_W1, grad_W2], [grad_b1, grad_b2]
