import numpy as np


class LayerNorm:
    def __init__(self, dim, eps=1e-5):
        self.gamma = np.ones(dim)
        self.beta = np.zeros(dim)
        self.eps = eps

    def forward(self, x):
        self.mean = x.mean(axis=-1, keepdims=True)
        self.var = x.var(axis=-1, keepdims=True)
        self.xhat = (x - self.mean) / np.sqrt(self.var + self.eps)
        return self.gamma * self.xhat + self.beta

    def backward(self, grad):
        self.dgamma = np.sum(grad * self.xhat, axis=0)
        self.dbeta = np.sum(grad, axis=0)
        dxhat = grad * self.gamma
        m1 = dxhat.mean(axis=-1, keepdims=True)
        m2 = (dxhat * self.xhat).mean(axis=-1, keepdims=True)
        return (dxhat - m1 - self.xhat * m2) / np.sqrt(self.var + self.eps)


class Linear:
    def __init__(self, fan_in, fan_out, rng):
        bound = np.sqrt(6.0 / (fan_in + fan_out))
        self.weight = rng.uniform(-bound, bound, size=(fan_out, fan_in))
        self.bias = np.zeros(fan_out)

    def forward(self, x):
        self.x = x
        return x @ self.weight.T + self.bias

    def backward(self, grad):
        self.dweight = grad.T @ self.x
        self.dbias = grad.sum(0)
        return grad @ self.weight


class ReLU:
    def forward(self, x):
        self.on = x > 0
        return x * self.on

    def backward(self, grad):
        return grad * self.on


def one_epoch(layers, X, y, lr, batch, rng):
    order = rng.permutation(len(X))
    losses = []
    for start in range(0, len(X), batch):
        sel = order[start:start + batch]
        out = X[sel]
        for layer in layers:
            out = layer.forward(out)
        out -= out.max(axis=1, keepdims=True)
        logp = out - np.log(np.exp(out).sum(axis=1, keepdims=True))
        losses.append(-logp[np.arange(len(sel)), y[sel]].mean())
        grad = np.exp(logp)
        grad[np.arange(len(sel)), y[sel]] -= 1
        grad /= len(sel)
        for layer in reversed(layers):
            grad = layer.backward(grad)
        for layer in layers:
            if isinstance(layer, Linear):
                layer.weight -= lr * layer.dweight
                layer.bias -= lr * layer.dbias
            elif isinstance(layer, LayerNorm):
                layer.gamma -= lr * layer.dgamma
                layer.beta -= lr * layer.dbeta
    return np.mean(losses)


def main():
    rng = np.random.default_rng(8)
    centres = rng.normal(size=(5, 24))
    y = rng.integers(5, size=1000)
    X = centres[y] + rng.normal(size=(1000, 24))
    layers = [Linear(24, 20, rng), LayerNorm(20), ReLU(), Linear(20, 16, rng), LayerNorm(16), ReLU(), Linear(16, 5, rng)]
    for epoch in range(4):
        loss = one_epoch(layers, X[:800], y[:800], 0.2, 40, rng)
        out = X[800:]
        for layer in layers:
            out = layer.forward(out)
        print(epoch, loss, (out.argmax(1) == y[800:]).mean())


main()
