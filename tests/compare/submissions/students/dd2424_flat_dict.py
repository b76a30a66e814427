"""Three layers written out, a flat dict, helpers beside the file."""

import numpy as np
from helpers import relu, softmax


def forward_pass(X, params):
    s1 = np.dot(params["W1"], X) + params["b1"]
    h1 = relu(s1)
    s2 = np.dot(params["W2"], h1) + params["b2"]
    h2 = relu(s2)
    P = softmax(np.dot(params["W3"], h2) + params["b3"])
    return P, {"s1": s1, "h1": h1, "s2": s2, "h2": h2}


def backward_pass(X, Y, P, cache, params, lam):
    n = X.shape[1]
    grads = {}
    G = (P - Y) / n
    grads["dW3"] = G @ cache["h2"].T + 2 * lam * params["W3"]
    grads["db3"] = G.sum(axis=1, keepdims=True)
    G = params["W3"].T @ G * (cache["s2"] > 0)
    grads["dW2"] = G @ cache["h1"].T + 2 * lam * params["W2"]
    grads["db2"] = G.sum(axis=1, keepdims=True)
    G = params["W2"].T @ G * (cache["s1"] > 0)
    grads["dW1"] = G @ X.T + 2 * lam * params["W1"]
    grads["db1"] = G.sum(axis=1, keepdims=True)
    return grads
