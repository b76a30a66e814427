"""A training program with one mistake: `twingrad watch docs/examples/train.py` names its line."""

import numpy as np

rng = np.random.default_rng(0)
X = rng.normal(size=(500, 8))
y = (X[:, :4].sum(1) > 0).astype(int) + (X[:, 4:].sum(1) > 0)
W1, b1 = rng.normal(size=(8, 16)) * 0.5, np.zeros(16)
W2, b2 = rng.normal(size=(16, 16)) * 0.3, np.zeros(16)
W3, b3 = rng.normal(size=(16, 3)) * 0.3, np.zeros(3)
for _ in range(200):
    i = rng.integers(500, size=50)
    x, t = X[i], np.eye(3)[y[i]]
    z1 = x @ W1 + b1
    a1 = np.maximum(z1, 0)
    z2 = a1 @ W2 + b2
    a2 = np.maximum(z2, 0)
    s = a2 @ W3 + b3
    p = np.exp(s) / np.exp(s).sum(1, keepdims=True)
    ds = (p - t) / 50
    dW3, db3 = a2.T @ ds + 0.01 * W3, ds.sum(0)
    dz2 = ds @ W3.T * (z2 > 0)
    dW2, db2 = a1.T @ dz2 + 0.01 * W2, dz2.sum(0)
    dz1 = dz2 @ W2.T * (z2 > 0)
    dW1, db1 = x.T @ dz1 + 0.01 * W1, dz1.sum(0)
    for w, g in [(W1, dW1), (b1, db1), (W2, dW2), (b2, db2), (W3, dW3), (b3, db3)]:
        w -= 0.1 * g
