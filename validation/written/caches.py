"""Dictionaries of caches, homogeneous weights split at the end, and the chain rule in long form."""

import numpy as np


def forward(X, P, eps):
    L = len([key for key in P if key.startswith("W")])
    cache = {"A0": X, "L": L}
    A = X
    for l in range(1, L + 1):
        Z = np.dot(A, np.transpose(P["W" + str(l)])) + P["b" + str(l)]
        cache["Z" + str(l)] = Z
        if l < L:
            m = Z.shape[0]
            mean = np.sum(Z, 0) / m
            variance = np.sum(np.power(Z - mean, 2), 0) / m
            Zn = np.divide(Z - mean, np.power(variance + eps, 0.5))
            Zt = np.multiply(P["gamma" + str(l)], Zn) + P["beta" + str(l)]
            A = (np.abs(Zt) + Zt) / 2
            cache.update({f"mean{l}": mean, f"var{l}": variance, f"Zn{l}": Zn, f"Zt{l}": Zt})
            cache["A" + str(l)] = A
    T = np.exp(Z - np.amax(Z, axis=1)[:, np.newaxis])
    cache["probs"] = T / T.sum(axis=1)[:, np.newaxis]
    return cache


def run(X, y, P, lam, eps):
    cache = forward(X, P, eps)
    L, m, probs = cache["L"], X.shape[0], cache["probs"]
    likelihood = probs[np.arange(m), y]
    loss = np.sum(-np.log(likelihood)) / m
    cost = loss
    for l in range(1, L + 1):
        cost += lam * np.linalg.norm(P["W" + str(l)]) ** 2
    grads = {}
    dZ = probs.copy()
    dZ[np.arange(m), y] -= 1.0
    dZ /= m
    for l in range(L, 0, -1):
        A_prev = cache["A" + str(l - 1)]
        grads["W" + str(l)] = np.dot(dZ.T, A_prev) + 2.0 * lam * P["W" + str(l)]
        grads["b" + str(l)] = np.sum(dZ, axis=0)
        if l == 1:
            break
        dA = np.dot(dZ, P["W" + str(l)])
        q = l - 1
        dZt = np.multiply(dA, np.int64(cache[f"Zt{q}"] > 0))
        grads["gamma" + str(q)] = np.sum(dZt * cache[f"Zn{q}"], axis=0)
        grads["beta" + str(q)] = np.sum(dZt, axis=0)
        dZn = dZt * P["gamma" + str(q)]
        diff = cache["Z" + str(q)] - cache[f"mean{q}"]
        istd = 1.0 / np.sqrt(cache[f"var{q}"] + eps)
        dvar = np.sum(dZn * diff, axis=0) * -0.5 * istd**3
        dmean = np.sum(dZn * -istd, axis=0) + dvar * np.mean(-2.0 * diff, axis=0)
        dZ = dZn * istd + dvar * 2.0 * diff / m + dmean / m
    return {"p": probs, "loss": loss, "cost": cost, "grads": grads}
