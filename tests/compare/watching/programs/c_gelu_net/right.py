import numpy as np
from math import sqrt, pi
from scipy.special import erf

np.random.seed(12)


def phi_cdf(z):
    return 0.5 * (1 + erf(z / sqrt(2)))


def gelu(z):
    return z * phi_cdf(z)


def dgelu(z):
    return phi_cdf(z) + z * np.exp(-z ** 2 / 2) / sqrt(2 * pi)


def forward(params, X):
    a, cache = X, []
    for W, b in params[:-1]:
        z = a @ W + b
        cache.append((a, z))
        a = gelu(z)
    W, b = params[-1]
    cache.append((a, None))
    logits = a @ W + b
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True), cache


def backward(params, cache, probs, onehot, weight_decay):
    g = (probs - onehot) / len(probs)
    grads = []
    for i in reversed(range(len(params))):
        a, _ = cache[i]
        W, b = params[i]
        grads.append((a.T @ g + weight_decay * W, g.sum(0)))
        if i > 0:
            g = g @ W.T
            g = g * dgelu(cache[i - 1][1])
    return grads[::-1]


centres = np.random.randn(4, 15)
lab = np.random.randint(0, 4, 700)
data = centres[lab] + np.random.randn(700, 15)
onehot = np.eye(4)[lab]
sizes = [15, 18, 14, 4]
params = [(np.random.randn(i, o) / np.sqrt(i), np.zeros(o)) for i, o in zip(sizes, sizes[1:])]
for epoch in range(4):
    perm = np.random.permutation(600)
    for k in range(0, 600, 30):
        batch = perm[k:k + 30]
        probs, cache = forward(params, data[batch])
        grads = backward(params, cache, probs, onehot[batch], 1e-3)
        params = [(W - 0.2 * dW, b - 0.2 * db) for (W, b), (dW, db) in zip(params, grads)]
    test_probs, _ = forward(params, data[600:])
    print(epoch, np.mean(test_probs.argmax(1) == lab[600:]))
