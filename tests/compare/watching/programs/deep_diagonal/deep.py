import sys

import numpy as np

TINY = sys.float_info.epsilon


class Block:
    def __init__(self, rng, fan_in, fan_out, last):
        self.weights = rng.normal(0, np.sqrt(2 / fan_in), (fan_out, fan_in))
        self.offset = np.zeros((fan_out, 1))
        self.last = last
        if not last:
            self.scale = np.ones((fan_out, 1))
            self.shift = np.zeros((fan_out, 1))
            self.average = None

    def run(self, inputs):
        self.inputs = inputs
        self.raw = self.weights @ inputs + self.offset
        if self.last:
            return self.raw
        self.centre = self.raw.mean(axis=1)
        self.spread = self.raw.var(axis=1)
        self.even = np.diag(1 / np.sqrt(self.spread + TINY)) @ (self.raw - self.centre[:, None])
        if self.average is None:
            self.average = (self.centre, self.spread)
        else:
            self.average = tuple(
                0.9 * old + 0.1 * new for old, new in zip(self.average, (self.centre, self.spread))
            )
        self.ready = self.scale * self.even + self.shift
        return self.ready * (self.ready > 0)

    def test(self, inputs):
        raw = self.weights @ inputs + self.offset
        if self.last:
            return raw
        centre, spread = self.average
        even = np.linalg.inv(np.diag(np.sqrt(spread + TINY))) @ (raw - centre[:, None])
        return np.maximum(self.scale * even + self.shift, 0)

    def back(self, G):
        n = G.shape[1]
        ones = np.ones((n, 1))
        if not self.last:
            G = G * (self.ready > 0)
            self.d_scale = (G * self.even) @ ones / n
            self.d_shift = G @ ones / n
            G = G * (self.scale @ ones.T)
            one = ((self.spread + TINY) ** -0.5)[:, None]
            two = ((self.spread + TINY) ** -1.5)[:, None]
            G1 = G * (one @ ones.T)
            G2 = G * (two @ ones.T)
            D = self.raw - self.centre[:, None]
            c = (G2 * D) @ ones
            G = G1 - (G1 @ ones) @ ones.T / n - D * (c @ ones.T) / n
        self.d_weights = G @ self.inputs.T / n + 2 * LAMBDA * self.weights
        self.d_offset = G @ ones / n
        return self.weights.T @ G


LAMBDA = 0.003
rng = np.random.default_rng(3)
sizes = [24, 14, 10, 10, 10, 10, 10]
blocks = [Block(rng, a, b, i == 5) for i, (a, b) in enumerate(zip(sizes, sizes[1:]))]
centres = rng.normal(size=(24, 10))
labels = rng.integers(0, 10, 1300)
points = centres[:, labels] + 1.5 * rng.normal(size=(24, 1300))
m, d = points[:, :1000].mean(axis=1, keepdims=True), points[:, :1000].std(axis=1, keepdims=True)
points = (points - m) / d
for t in range(40):
    rate = 1e-3 + (1e-1 - 1e-3) * (t if t < 20 else 40 - t) / 20
    pick = rng.choice(1000, 80, replace=False)
    H, Y = points[:, pick], np.eye(10)[labels[pick]].T
    for block in blocks:
        H = block.run(H)
    P = np.exp(H) / np.exp(H).sum(axis=0)
    G = P - Y
    for block in reversed(blocks):
        G = block.back(G)
    for block in blocks:
        block.weights -= rate * block.d_weights
        block.offset -= rate * block.d_offset
        if not block.last:
            block.scale -= rate * block.d_scale
            block.shift -= rate * block.d_shift
    if t % 10 == 9:
        H = points[:, 1000:]
        for block in blocks:
            H = block.test(H)
        print(t + 1, (H.argmax(axis=0) == labels[1000:]).mean())
