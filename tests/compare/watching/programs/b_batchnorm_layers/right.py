import pickle
import numpy as np
import matplotlib.pyplot as plt

DATA = '/home/erik/cifar10/cifar-10-batches-py/'
rng = np.random.default_rng(2024)


class Affine:
    def __init__(self, fan_in, fan_out):
        self.W = rng.normal(0, np.sqrt(2 / fan_in), size=(fan_in, fan_out))
        self.b = np.zeros(fan_out)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, g):
        self.dW = self.x.T @ g
        self.db = g.sum(axis=0)
        return g @ self.W.T

    def parameters(self):
        return [(self.W, self.dW), (self.b, self.db)]


class BatchNorm:
    def __init__(self, width, momentum=0.9, eps=1e-5):
        self.gamma = np.ones(width)
        self.beta = np.zeros(width)
        self.running_mean = np.zeros(width)
        self.running_var = np.ones(width)
        self.momentum, self.eps = momentum, eps
        self.training = True

    def forward(self, x):
        if self.training:
            n = x.shape[0]
            mean = x.mean(axis=0)
            var = x.var(axis=0)
            m = self.momentum
            self.running_mean = m * self.running_mean + (1 - m) * mean
            self.running_var = m * self.running_var + (1 - m) * var * n / (n - 1)   # unbiased like torch
        else:
            mean, var = self.running_mean, self.running_var
        self.inv_std = 1 / np.sqrt(var + self.eps)
        self.xhat = (x - mean) * self.inv_std
        return self.gamma * self.xhat + self.beta

    def backward(self, g):
        self.dgamma = (g * self.xhat).sum(axis=0)
        self.dbeta = g.sum(axis=0)
        gx = g * self.gamma
        dx = self.inv_std * (gx - gx.mean(axis=0) - self.xhat * (gx * self.xhat).mean(axis=0))
        return dx

    def parameters(self):
        return [(self.gamma, self.dgamma), (self.beta, self.dbeta)]


class Relu:
    def forward(self, x):
        self.on = x > 0
        return np.where(self.on, x, 0)

    def backward(self, g):
        return g * self.on

    def parameters(self):
        return []


class Net:
    def __init__(self, dims):
        self.layers = []
        for a, b in zip(dims[:-2], dims[1:-1]):
            self.layers += [Affine(a, b), BatchNorm(b), Relu()]
        self.layers.append(Affine(dims[-2], dims[-1]))

    def set_training(self, flag):
        for layer in self.layers:
            if isinstance(layer, BatchNorm):
                layer.training = flag

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        z = np.exp(x - x.max(axis=1, keepdims=True))
        return z / z.sum(axis=1, keepdims=True)

    def weights(self):
        return [l for l in self.layers if isinstance(l, Affine)]

    def loss(self, p, y, lam):
        ce = -np.log(p[np.arange(len(y)), y]).mean()
        return ce, ce + lam * sum(np.sum(l.W ** 2) for l in self.weights())

    def backward(self, p, y, lam):
        g = p.copy()
        g[np.arange(len(y)), y] -= 1
        g /= len(y)
        for layer in reversed(self.layers):
            g = layer.backward(g)
        for l in self.weights():
            l.dW += 2 * lam * l.W

    def sgd(self, eta):
        for layer in self.layers:
            for value, grad in layer.parameters():
                value -= eta * grad


def read(name, n):
    with open(DATA + name, 'rb') as f:
        d = pickle.load(f, encoding='bytes')
    return d[b'data'][:n] / 255.0, np.array(d[b'labels'][:n])


def accuracy(net, X, y):
    net.set_training(False)
    p = net.forward(X)
    net.set_training(True)
    return (p.argmax(axis=1) == y).mean()


def cyclic(t, lo, hi, half):
    phase = (t % (2 * half)) / half
    return lo + (hi - lo) * (phase if phase < 1 else 2 - phase)


def main():
    X, y = read('data_batch_1', 6000)      # not the whole batch, laptop
    Xv, yv = read('data_batch_2', 1000)
    Xt, yt = read('test_batch', 2000)
    mean, std = X.mean(0), X.std(0)
    X, Xv, Xt = (X - mean) / std, (Xv - mean) / std, (Xt - mean) / std

    net = Net([3072, 50, 50, 10])
    lam, bs, t = 0.005, 100, 0
    curve = []
    for epoch in range(7):
        order = rng.permutation(len(y))
        for k in range(0, len(y), bs):
            pick = order[k:k + bs]
            p = net.forward(X[pick])
            ce, J = net.loss(p, y[pick], lam)
            net.backward(p, y[pick], lam)
            net.sgd(cyclic(t, 1e-5, 1e-1, 200))
            curve.append(J)
            t += 1
        print(f'epoch {epoch}: cost {np.mean(curve[-100:]):.4f}, validation {accuracy(net, Xv, yv):.4f}')
    print(f'test: {accuracy(net, Xt, yt):.4f}')
    plt.plot(curve)
    plt.title('cost per update')
    plt.show()


if __name__ == '__main__':
    main()
