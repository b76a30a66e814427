"""The layout of Coursera's course: parameters W1, b1, ... in one dict, caches, L_model_forward and L_model_backward; softmax on top."""

import numpy as np


def L_model_forward(X, parameters):
    caches, A, L = [], X, len(parameters) // 2
    for l in range(1, L + 1):
        Z = parameters["W" + str(l)] @ A + parameters["b" + str(l)]
        caches.append((A, parameters["W" + str(l)], Z))
        A = np.maximum(0, Z)
    e = np.exp(Z)
    return e / e.sum(axis=0), caches


def L_model_backward(AL, Y, caches):
    grads, m = {}, Y.shape[1]
    dZ = AL - Y
    for l in reversed(range(len(caches))):
        A_prev, W, _ = caches[l]
        grads["dW" + str(l + 1)] = dZ @ A_prev.T / m
        grads["db" + str(l + 1)] = dZ.sum(axis=1, keepdims=True) / m
        if l:
            dZ = (W.T @ dZ) * (caches[l - 1][2] > 0)
    return grads
