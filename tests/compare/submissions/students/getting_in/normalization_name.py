"""Right gradients; the class calls its batch norm 'batch_norm' where the course says 'batchnorm'."""

import numpy as np


class FullyConnectedNet:
    def __init__(
        self,
        hidden_dims,
        input_dim=10,
        num_classes=10,
        normalization=None,
        reg=0.0,
        dtype=np.float64,
    ):
        self.params, self.reg, self.normalization, self.L = (
            {},
            reg,
            normalization,
            len(hidden_dims) + 1,
        )
        sizes = [input_dim, *hidden_dims, num_classes]
        for l, (i, o) in enumerate(zip(sizes, sizes[1:]), 1):
            self.params[f"W{l}"], self.params[f"b{l}"] = np.random.randn(i, o), np.zeros(o)
            if normalization and l < self.L:
                self.params[f"gamma{l}"], self.params[f"beta{l}"] = np.ones(o), np.zeros(o)

    def loss(self, X, y=None):
        p, g, caches, h = self.params, {}, [], X
        for l in range(1, self.L + 1):
            s = h @ p[f"W{l}"] + p[f"b{l}"]
            if l < self.L and self.normalization == "batch_norm":
                std = np.sqrt(s.var(axis=0) + 1e-5)
                s_hat = (s - s.mean(axis=0)) / std
                z = p[f"gamma{l}"] * s_hat + p[f"beta{l}"]
            elif l < self.L and self.normalization is None:
                s_hat = std = None
                z = s
            caches.append((h, s_hat, std, z if l < self.L else s))
            h = np.maximum(0, z) if l < self.L else s
        if y is None:
            return h
        n = len(X)
        q = np.exp(h - h.max(axis=1, keepdims=True))
        q /= q.sum(axis=1, keepdims=True)
        loss = -np.log(q[np.arange(n), y]).mean() + 0.5 * self.reg * sum(
            (p[f"W{l}"] ** 2).sum() for l in range(1, self.L + 1)
        )
        q[np.arange(n), y] -= 1
        d = q / n
        for l in range(self.L, 0, -1):
            h, s_hat, std, z = caches[l - 1]
            if l < self.L:
                d = d * (z > 0)
                if s_hat is not None:
                    g[f"gamma{l}"], g[f"beta{l}"] = (d * s_hat).sum(axis=0), d.sum(axis=0)
                    d = d * p[f"gamma{l}"]
                    d = (d - d.mean(axis=0) - s_hat * (d * s_hat).mean(axis=0)) / std
            g[f"W{l}"], g[f"b{l}"] = h.T @ d + self.reg * p[f"W{l}"], d.sum(axis=0)
            d = d @ p[f"W{l}"].T
        return loss, g
