"""Lists as arguments, biases (m,), labels as a vector, gradients as a tuple of lists."""

import numpy as np


def forward_pass(X, Ws, bs):
    hs = []
    h = X
    for W, b in zip(Ws[:-1], bs[:-1], strict=True):
        h = np.maximum(0, W @ h + b[:, None])
        hs.append(h)
    s = Ws[-1] @ h + bs[-1][:, np.newaxis]
    p = np.exp(s) / np.exp(s).sum(axis=0)
    return hs, p


def compute_loss(X, y, Ws, bs, lmbda):
    _, p = forward_pass(X, Ws, bs)
    loss = -np.log(p[y, np.arange(X.shape[1])]).mean()
    cost = loss + lmbda * sum((W**2).sum() for W in Ws)
    return loss, cost


def compute_gradients(X, y, Ws, bs, lmbda):
    hs, p = forward_pass(X, Ws, bs)
    n = X.shape[1]
    g = p.copy()
    g[y, np.arange(n)] -= 1
    g /= n
    db, dW = [], []
    for l in range(len(Ws) - 1, -1, -1):
        below = hs[l - 1] if l else X
        dW.insert(0, g @ below.T + 2 * lmbda * Ws[l])
        db.insert(0, g.sum(axis=1))
        if l:
            g = (Ws[l].T @ g) * (below > 0)
    return db, dW
