"""MLP with batch normalisation, sigmoid output.  python train.py [--epochs N]"""
import argparse

import numpy as np

EPS = 1e-5


def bn_forward(x, gamma, beta):
    mu = x.mean(axis=0)
    xc = x - mu
    var = (xc ** 2).mean(axis=0)
    inv_std = 1.0 / np.sqrt(var + EPS)
    xhat = xc * inv_std
    return gamma * xhat + beta, (xc, inv_std, xhat, gamma)


def bn_backward(dout, cache):
    xc, inv_std, xhat, gamma = cache
    n = dout.shape[0]
    dgamma = np.sum(dout * xhat, axis=0)
    dbeta = np.sum(dout, axis=0)
    dxhat = dout * gamma
    dvar = np.sum(dxhat * xc, axis=0) * -0.5 * inv_std ** 3
    dmu = -np.sum(dxhat * inv_std, axis=0) - 2.0 * dvar * np.mean(xc, axis=0)
    dx = dxhat * inv_std + dvar * 2.0 * xc / n + dmu / n
    return dx, dgamma, dbeta


class Net:
    def __init__(self, d, h, rng):
        self.W1 = rng.normal(0, 1 / np.sqrt(d), (d, h))
        self.g1 = np.ones(h)
        self.be1 = np.zeros(h)
        self.W2 = rng.normal(0, 1 / np.sqrt(h), (h, h))
        self.g2 = np.ones(h)
        self.be2 = np.zeros(h)
        self.W3 = rng.normal(0, 1 / np.sqrt(h), (h, 1))
        self.b3 = np.zeros((1, 1))
        self.names = ["W1", "g1", "be1", "W2", "g2", "be2", "W3", "b3"]
        self.running = None

    def loss(self, x, t):
        """Training-mode forward pass.  Returns the mean loss and keeps caches."""
        self.x = x
        self.n1, self.c1 = bn_forward(x @ self.W1, self.g1, self.be1)
        self.h1 = np.maximum(self.n1, 0.0)
        self.n2, self.c2 = bn_forward(self.h1 @ self.W2, self.g2, self.be2)
        self.h2 = np.maximum(self.n2, 0.0)
        logit = self.h2 @ self.W3 + self.b3
        self.p = 1.0 / (1.0 + np.exp(-logit))
        self.t = t
        # softplus form of the binary cross entropy
        return np.mean(np.logaddexp(0.0, logit) - t * logit)

    def grads(self):
        g = {}
        dlogit = (self.p - self.t) / self.t.shape[0]
        g["W3"] = self.h2.T @ dlogit
        g["b3"] = dlogit.sum(axis=0, keepdims=True)
        dh2 = dlogit @ self.W3.T
        dn2 = dh2 * (self.n2 > 0)
        dz2, g["g2"], g["be2"] = bn_backward(dn2, self.c2)
        g["W2"] = self.h1.T @ dz2
        dh1 = dz2 @ self.W2.T
        dn1 = dh1 * (self.n1 > 0)
        dz1, g["g1"], g["be1"] = bn_backward(dn1, self.c1)
        g["W1"] = self.x.T @ dz1
        return g

    def step(self, grads, lr):
        for name in self.names:
            getattr(self, name)[...] -= lr * grads[name]


def spirals(n, rng):
    t = (np.arange(n) % 2).astype(float).reshape(-1, 1)
    a = rng.uniform(0.3, 1.0, (n, 1)) * 1.5 * np.pi
    ang = a + np.pi * t
    x = np.hstack([a * np.cos(ang), a * np.sin(ang)]) + 0.15 * rng.normal(size=(n, 2))
    return x, t


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--epochs", type=int, default=60)
    ap.add_argument("--batch", type=int, default=50)
    ap.add_argument("--lr", type=float, default=0.3)
    args = ap.parse_args()

    rng = np.random.default_rng(17)
    x, t = spirals(400, rng)
    net = Net(2, 12, rng)
    for ep in range(args.epochs):
        perm = rng.permutation(len(x))
        tot = 0.0
        for s in range(0, len(x), args.batch):
            k = perm[s:s + args.batch]
            tot += net.loss(x[k], t[k])
            net.step(net.grads(), args.lr)
        if ep % 10 == 0 or ep == args.epochs - 1:
            print("epoch", ep, "loss", round(tot / (len(x) // args.batch), 4))


if __name__ == "__main__":
    main()
