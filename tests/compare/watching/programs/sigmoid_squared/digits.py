# ten sigmoids, the squared error and momentum; rows; glyphs drawn at random
import numpy as np

r = np.random.default_rng(12)
glyphs = (r.random((10, 36)) < 0.4).astype(float)
kinds = r.integers(0, 10, 1200)
pixels = np.clip(glyphs[kinds] + 0.25 * r.standard_normal((1200, 36)), 0, 1)
wanted = np.zeros((1200, 10))
wanted[np.arange(1200), kinds] = 1


class Dense:
    def __init__(self, n_in, n_out):
        self.w = r.standard_normal((n_in, n_out)) / np.sqrt(n_in)
        self.b = np.zeros(n_out)
        self.vw, self.vb = np.zeros_like(self.w), np.zeros_like(self.b)

    def run(self, x):
        self.x = x
        self.y = 1.0 / (1.0 + np.exp(-(x @ self.w + self.b)))
        return self.y

    def back(self, grad):
        delta = grad * self.y * (1.0 - self.y)
        self.gw = self.x.T @ delta
        self.gb = delta.sum(axis=0)
        return delta @ self.w.T

    def learn(self, rate, mu):
        self.vw = mu * self.vw - rate * self.gw
        self.vb = mu * self.vb - rate * self.gb
        self.w = self.w + self.vw
        self.b = self.b + self.vb


layers = [Dense(36, 24), Dense(24, 10)]
for epoch in range(10):
    total = 0.0
    order = r.permutation(1200)
    for at in range(0, 1200, 40):
        pick = order[at:at + 40]
        out = pixels[pick]
        for layer in layers:
            out = layer.run(out)
        error = out - wanted[pick]
        mse = np.mean(error ** 2)
        total += mse
        grad = 2 * error / error.size
        for layer in reversed(layers):
            grad = layer.back(grad)
        for layer in layers:
            layer.learn(2.0, 0.9)
    print(epoch, total / 30)
