"""Layer objects; batch norm with scale and shift, and running statistics."""

import numpy as np


class Affine:
    def __init__(self, n_in, n_out, rng):
        self.w = rng.normal(0, np.sqrt(2 / n_in), (n_in, n_out))
        self.bias = np.zeros(n_out)

    def forward(self, x, training):
        self.x = x
        return x @ self.w + self.bias

    def backward(self, g):
        self.dw = self.x.T @ g
        self.dbias = g.sum(0)
        return g @ self.w.T


class BatchNorm:
    def __init__(self, m, momentum=0.9, eps=1e-5):
        self.scale, self.shift = np.ones(m), np.zeros(m)
        self.mean, self.var = np.zeros(m), np.ones(m)
        self.momentum, self.eps = momentum, eps

    def forward(self, x, training):
        if training:
            mu, v = x.mean(0), x.var(0)
            self.mean = self.momentum * self.mean + (1 - self.momentum) * mu
            self.var = self.momentum * self.var + (1 - self.momentum) * v
        else:
            mu, v = self.mean, self.var
        self.inv = 1 / np.sqrt(v + self.eps)
        self.xhat = (x - mu) * self.inv
        return self.scale * self.xhat + self.shift

    def backward(self, g):
        n = len(g)
        self.dscale = (g * self.xhat).sum(0)
        self.dshift = g.sum(0)
        gh = g * self.scale
        return self.inv / n * (n * gh - gh.sum(0) - self.xhat * (gh * self.xhat).sum(0))


class ReLU:
    def forward(self, x, training):
        self.mask = x > 0
        return x * self.mask

    def backward(self, g):
        return g * self.mask


class Network:
    def __init__(self, sizes=(3072, 30, 20, 10), weight_decay=1e-3, seed=0):
        rng = np.random.default_rng(seed)
        self.weight_decay = weight_decay
        self.layers = []
        for i, (a, b) in enumerate(zip(sizes[:-1], sizes[1:])):
            self.layers.append(Affine(a, b, rng))
            if i < len(sizes) - 2:
                self.layers += [BatchNorm(b), ReLU()]

    def forward(self, x, training=True):
        for layer in self.layers:
            x = layer.forward(x, training)
        z = x - x.max(1, keepdims=True)
        e = np.exp(z)
        self.p = e / e.sum(1, keepdims=True)
        return self.p

    def loss(self, p, y):
        data = -np.log(p[np.arange(len(y)), y]).mean()
        return data + 0.5 * self.weight_decay * sum(
            (l.w**2).sum() for l in self.layers if isinstance(l, Affine)
        )

    def backward(self, y):
        g = self.p.copy()
        g[np.arange(len(y)), y] -= 1
        g /= len(y)
        for layer in reversed(self.layers):
            g = layer.backward(g)
            if isinstance(layer, Affine):
                layer.dw += self.weight_decay * layer.w
