"""Parameters in lists; those of batch norm are g and h."""

import numpy as np


class MLP:
    def __init__(self, sizes):
        rng = np.random.default_rng(0)
        self.Ws = [rng.normal(0, 1 / np.sqrt(a), (a, b)) for a, b in zip(sizes[:-1], sizes[1:])]
        self.bs = [np.zeros(b) for b in sizes[1:]]
        self.g = [np.ones(m) for m in sizes[1:-1]]
        self.h = [np.zeros(m) for m in sizes[1:-1]]

    def forward(self, x):
        self.cache = []
        for l, (W, b) in enumerate(zip(self.Ws, self.bs)):
            s = x @ W + b
            if l == len(self.Ws) - 1:
                self.cache.append((x,))
                break
            mu, v = s.mean(0), s.var(0)
            xh = (s - mu) / np.sqrt(v + 1e-8)
            st = self.g[l] * xh + self.h[l]
            self.cache.append((x, xh, v, st))
            x = np.maximum(0, st)
        s = s - s.max(1, keepdims=True)
        p = np.exp(s)
        return p / p.sum(1, keepdims=True)

    def gradients(self, X, y):
        n = len(X)
        p = self.forward(X)
        G = p.copy()
        G[np.arange(n), y] -= 1
        G /= n
        dW, db, dg, dh = [], [], [], []
        for l in reversed(range(len(self.Ws))):
            if l < len(self.Ws) - 1:
                x, xh, v, st = self.cache[l]
                G = G * (st > 0)
                dg.insert(0, (G * xh).sum(0))
                dh.insert(0, G.sum(0))
                q = G * self.g[l]
                G = (q - q.mean(0) - xh * (q * xh).mean(0)) / np.sqrt(v + 1e-8)
            x = self.cache[l][0]
            dW.insert(0, x.T @ G)
            db.insert(0, G.sum(0))
            G = G @ self.Ws[l].T
        return dW, db, dg, dh
