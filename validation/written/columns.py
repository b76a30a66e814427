"""Samples in columns, one matrix a letter, as in a course's notes; batch norm before the ReLU."""

import numpy as np


def run(X, y, P, lam, eps):
    X = X.T
    n = X.shape[1]
    k = sum(name[0] == "W" for name in P)
    Y = np.zeros((P[f"b{k}"].size, n))
    Y[y, np.arange(n)] = 1
    h, s, shat, mu, v = [X], [], [], [], []
    for i in range(1, k):
        s.append(P[f"W{i}"] @ h[-1] + P[f"b{i}"][:, None])
        mu.append(np.mean(s[-1], axis=1, keepdims=True))
        v.append(np.mean((s[-1] - mu[-1]) ** 2, axis=1, keepdims=True))
        shat.append((s[-1] - mu[-1]) / np.sqrt(v[-1] + eps))
        stilde = P[f"gamma{i}"][:, None] * shat[-1] + P[f"beta{i}"][:, None]
        h.append(np.maximum(stilde, 0))
    scores = P[f"W{k}"] @ h[-1] + P[f"b{k}"][:, None]
    e = np.exp(scores - scores.max(axis=0, keepdims=True))
    p = e / np.sum(e, axis=0, keepdims=True)
    loss = -np.sum(np.log(np.sum(Y * p, axis=0))) / n
    cost = loss + lam * sum(np.sum(P[f"W{i}"] ** 2) for i in range(1, k + 1))

    grads = {}
    G = -(Y - p)
    ones = np.ones((n, 1))
    grads[f"W{k}"] = G @ h[-1].T / n + 2 * lam * P[f"W{k}"]
    grads[f"b{k}"] = (G @ ones / n)[:, 0]
    G = P[f"W{k}"].T @ G
    G = G * (h[-1] > 0)
    for i in range(k - 1, 0, -1):
        grads[f"gamma{i}"] = ((G * shat[i - 1]) @ ones / n)[:, 0]
        grads[f"beta{i}"] = (G @ ones / n)[:, 0]
        G = G * P[f"gamma{i}"][:, None]
        sigma1 = (v[i - 1] + eps) ** -0.5
        sigma2 = (v[i - 1] + eps) ** -1.5
        G1 = G * sigma1
        G2 = G * sigma2
        D = s[i - 1] - mu[i - 1]
        c = (G2 * D) @ ones
        G = G1 - (G1 @ ones) / n - D * c / n
        grads[f"W{i}"] = G @ h[i - 1].T / n + 2 * lam * P[f"W{i}"]
        grads[f"b{i}"] = (G @ ones / n)[:, 0]
        if i > 1:
            G = P[f"W{i}"].T @ G
            G = G * (h[i - 1] > 0)
    return {"p": p.T, "loss": loss, "cost": cost, "grads": grads}
