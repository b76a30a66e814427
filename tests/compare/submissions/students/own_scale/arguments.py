"""Parameters as arguments; those of batch norm are scale and shift."""

import numpy as np


def forward(X, W, b, scale, shift):
    xs, hats, vs, sts = [X], [], [], []
    for l in range(len(W)):
        s = W[l] @ xs[-1] + b[l]
        if l == len(W) - 1:
            break
        mu, v = s.mean(axis=1, keepdims=True), s.var(axis=1, keepdims=True)
        hat = (s - mu) / np.sqrt(v + 1e-6)
        st = scale[l] * hat + shift[l]
        hats.append(hat), vs.append(v), sts.append(st)
        xs.append(np.maximum(0, st))
    e = np.exp(s - s.max(axis=0))
    return e / e.sum(axis=0), xs, hats, vs, sts


def compute_gradients(X, Y, W, b, scale, shift, lam):
    P, xs, hats, vs, sts = forward(X, W, b, scale, shift)
    G = (P - Y) / X.shape[1]
    dW, db, dscale, dshift = [], [], [], []
    for l in reversed(range(len(W))):
        if l < len(W) - 1:
            G = G * (sts[l] > 0)
            dscale.insert(0, (G * hats[l]).sum(axis=1, keepdims=True))
            dshift.insert(0, G.sum(axis=1, keepdims=True))
            q = G * scale[l]
            q = (
                q
                - q.mean(axis=1, keepdims=True)
                - hats[l] * (q * hats[l]).mean(axis=1, keepdims=True)
            )
            G = q / np.sqrt(vs[l] + 1e-6)
        dW.insert(0, G @ xs[l].T + 2 * lam * W[l])
        db.insert(0, G.sum(axis=1, keepdims=True))
        G = W[l].T @ G
    return dW, db, dscale, dshift
