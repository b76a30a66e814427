import pickle

import numpy as np


class BatchNormMLP:
    """ MLP with batch norm before each ReLU. One sample per row. """

    def __init__(self, dims, reg=0.0, alpha=0.9, eps=1e-5, rng=None):
        self.dims = dims
        self.reg = reg
        self.alpha = alpha
        self.eps = eps
        self.L = len(dims) - 1
        self.rng = rng or np.random.RandomState(231)
        self.Ws, self.bs, self.gammas, self.betas = [], [], [], []
        self.running_mean, self.running_var = [], []
        for i in range(self.L):
            self.Ws.append(self.rng.randn(dims[i], dims[i + 1]) / np.sqrt(dims[i]))
            self.bs.append(np.zeros(dims[i + 1]))
            if i < self.L - 1:
                self.gammas.append(np.ones(dims[i + 1]))
                self.betas.append(np.zeros(dims[i + 1]))
                self.running_mean.append(None)
                self.running_var.append(None)

    def _bn_train(self, z, i):
        mean = z.mean(axis=0)
        var = z.var(axis=0)
        if self.running_mean[i] is None:
            self.running_mean[i] = mean
            self.running_var[i] = var
        else:
            self.running_mean[i] = self.alpha * self.running_mean[i] + (1 - self.alpha) * mean
            self.running_var[i] = self.alpha * self.running_var[i] + (1 - self.alpha) * var
        istd = 1.0 / np.sqrt(var + self.eps)
        zhat = (z - mean) * istd
        return self.gammas[i] * zhat + self.betas[i], (zhat, istd)

    def _bn_test(self, z, i):
        zhat = (z - self.running_mean[i]) / np.sqrt(self.running_var[i] + self.eps)
        return self.gammas[i] * zhat + self.betas[i]

    def _bn_backward(self, dout, cache, i):
        zhat, istd = cache
        n = dout.shape[0]
        dgamma = (dout * zhat).sum(axis=0)
        dbeta = dout.sum(axis=0)
        dz = self.gammas[i] * istd / n * (n * dout - dbeta - zhat * dgamma)
        return dz, dgamma, dbeta

    def probabilities(self, X):
        """ test time """
        a = X
        for i in range(self.L - 1):
            z = a @ self.Ws[i] + self.bs[i]
            zn = self._bn_test(z, i)
            a = np.maximum(zn, 0)
        logits = a @ self.Ws[-1] + self.bs[-1]
        ex = np.exp(logits - logits.max(axis=1, keepdims=True))
        return ex / ex.sum(axis=1, keepdims=True)

    def loss(self, X, y):
        p = self.probabilities(X)
        ce = -np.log(p[np.arange(len(y)), y] + 1e-12).mean()
        return ce, ce + self.reg * sum(np.sum(W * W) for W in self.Ws)

    def accuracy(self, X, y):
        return (self.probabilities(X).argmax(axis=1) == y).mean()

    def step(self, X, y, lr):
        n = X.shape[0]
        acts, caches = [X], []
        for i in range(self.L - 1):
            z = acts[-1] @ self.Ws[i] + self.bs[i]
            zn, cache = self._bn_train(z, i)
            caches.append(cache)
            acts.append(np.maximum(zn, 0))
        logits = acts[-1] @ self.Ws[-1] + self.bs[-1]
        ex = np.exp(logits - logits.max(axis=1, keepdims=True))
        probs = ex / ex.sum(axis=1, keepdims=True)
        batch_loss = -np.mean(np.log(probs[np.arange(n), y] + 1e-12))

        dz = probs.copy()
        dz[np.arange(n), y] -= 1
        dz /= n
        dWs, dbs = [0] * self.L, [0] * self.L
        dgammas, dbetas = [0] * (self.L - 1), [0] * (self.L - 1)
        for i in range(self.L - 1, -1, -1):
            dWs[i] = acts[i].T @ dz + 2 * self.reg * self.Ws[i]
            dbs[i] = dz.sum(axis=0)
            if i > 0:
                da = dz @ self.Ws[i].T
                da = da * (acts[i] > 0)
                dz, dgammas[i - 1], dbetas[i - 1] = self._bn_backward(da, caches[i - 1], i - 1)

        for i in range(self.L):
            self.Ws[i] -= lr * dWs[i]
            self.bs[i] -= lr * dbs[i]
        for i in range(self.L - 1):
            self.gammas[i] -= lr * dgammas[i]
            self.betas[i] -= lr * dbetas[i]
        return batch_loss


def load(name):
    with open('cifar-10-batches-py/' + name, 'rb') as f:
        d = pickle.load(f, encoding='latin1')
    return np.asarray(d['data'], dtype=np.float64) / 255., np.asarray(d['labels'])


def triangle(t, low, high, stepsize):
    cycle = np.floor(1 + t / (2 * stepsize))
    x = np.abs(t / stepsize - 2 * cycle + 1)
    return low + (high - low) * max(0, 1 - x)


if __name__ == '__main__':
    X, y = load('data_batch_1')
    Xtest, ytest = load('test_batch')
    Xval, yval = X[9000:], y[9000:]
    X, y = X[:9000], y[:9000]
    mu, sd = X.mean(axis=0), X.std(axis=0)
    X, Xval, Xtest = (X - mu) / sd, (Xval - mu) / sd, (Xtest - mu) / sd

    model = BatchNormMLP([3072, 50, 50, 10], reg=0.003)
    shuffler = np.random.RandomState(5)
    t = 0
    for epoch in range(4):
        order = shuffler.permutation(len(X))
        running = 0
        for start in range(0, len(X), 100):
            batch = order[start:start + 100]
            lr = triangle(t, 1e-5, 1e-1, 180)
            running += model.step(X[batch], y[batch], lr)
            t += 1
        ce, cost = model.loss(Xval, yval)
        print(f'[{epoch}] batch loss {running / 90:.3f}  val loss {ce:.3f}  val cost {cost:.3f}  '
              f'val acc {model.accuracy(Xval, yval):.3f}')
    print('test acc', model.accuracy(Xtest, ytest))
