"""Plain Python over lists of samples and units; no batch norm."""

import math

import numpy as np


def run(X, y, P, lam, eps):
    n, depth = len(X), sum(name[0] == "W" for name in P)
    W = [P[f"W{i + 1}"] for i in range(depth)]
    b = [P[f"b{i + 1}"] for i in range(depth)]
    grads = {name: np.zeros_like(value) for name, value in P.items()}
    loss, outputs = 0.0, []
    for sample, label in zip(X, y, strict=True):
        acts, sums = [list(sample)], []
        for i in range(depth):
            z = []
            for j in range(len(b[i])):
                total = b[i][j]
                for k, a in enumerate(acts[i]):
                    total += W[i][j][k] * a
                z.append(total)
            sums.append(z)
            acts.append([v if v > 0 else 0.0 for v in z] if i < depth - 1 else z)
        top = max(acts[-1])
        exps = [math.exp(v - top) for v in acts[-1]]
        probs = [e / sum(exps) for e in exps]
        outputs.append(probs)
        loss -= math.log(probs[label]) / n
        delta = [(q - (1.0 if c == label else 0.0)) / n for c, q in enumerate(probs)]
        for i in reversed(range(depth)):
            for j, d in enumerate(delta):
                grads[f"b{i + 1}"][j] += d
                for k, a in enumerate(acts[i]):
                    grads[f"W{i + 1}"][j][k] += d * a
            if i > 0:
                back = [0.0] * len(acts[i])
                for k in range(len(back)):
                    for j, d in enumerate(delta):
                        back[k] += W[i][j][k] * d
                delta = [v if s > 0 else 0.0 for v, s in zip(back, sums[i - 1], strict=True)]
    cost = loss
    for i in range(depth):
        for j in range(len(b[i])):
            for k in range(len(W[i][j])):
                cost += lam * W[i][j][k] ** 2
                grads[f"W{i + 1}"][j][k] += 2 * lam * W[i][j][k]
    return {"p": np.array(outputs), "loss": loss, "cost": cost, "grads": grads}
