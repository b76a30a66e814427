"""A k-layer network: each layer is a dict with W and b."""
import numpy as np


def he_layers(sizes, rng):
    layers = []
    for d_in, d_out in zip(sizes, sizes[1:]):
        layers.append({"W": rng.normal(scale=np.sqrt(2 / d_in), size=(d_out, d_in)), "b": np.zeros((d_out, 1))})
    return layers


def forward(layers, X):
    """Probabilities and every layer's input."""
    inputs = []
    H = X
    for l, layer in enumerate(layers, start=1):
        inputs.append(H)
        S = layer["W"] @ H + layer["b"]
        H = np.maximum(S, 0) if l < len(layers) else S
    H = H - np.max(H, axis=0)
    P = np.exp(H)
    return P / P.sum(axis=0), inputs


def backward(layers, inputs, P, Y, lam):
    n = Y.shape[1]
    grads = []
    G = P - Y
    for l in range(len(layers) - 1, -1, -1):
        W = layers[l]["W"]
        gW = np.dot(G, inputs[l].T) / n + 2 * lam * W
        gb = np.sum(G, axis=1, keepdims=True) / n
        grads.append({"W": gW, "b": gb})
        if l:
            G = np.dot(W.T, G)
            G *= inputs[l] > 0
    return grads[::-1]


def update(layers, grads, eta):
    for layer, grad in zip(layers, grads):
        for key in ("W", "b"):
            layer[key] -= eta * grad[key]


def cost(layers, X, Y, lam):
    P, _ = forward(layers, X)
    loss = -np.sum(Y * np.log(P)) / X.shape[1]
    return loss + lam * sum(np.sum(layer["W"] ** 2) for layer in layers), loss


def accuracy(layers, X, y):
    return np.mean(forward(layers, X)[0].argmax(axis=0) == y)
