"""Two hidden layers of sigmoid units, one column per example."""
import numpy as np

rng = np.random.RandomState(3)
centres = rng.randn(5, 14)
targets = rng.randint(0, 5, 900)
data = (centres[targets] + 0.8 * rng.randn(900, 14)).T


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


def sigmoid_prime(a):
    return sigmoid(a) * (1 - sigmoid(a))


class Network:
    def __init__(self, sizes):
        self.weights = [rng.randn(m, k) / np.sqrt(k) for k, m in zip(sizes, sizes[1:])]
        self.biases = [np.zeros((m, 1)) for m in sizes[1:]]

    def feed(self, x):
        self.pre, self.act = [], [x]
        for w, b in zip(self.weights, self.biases):
            self.pre.append(w @ self.act[-1] + b)
            self.act.append(sigmoid(self.pre[-1]))
        e = np.exp(self.pre[-1] - self.pre[-1].max(axis=0))
        self.act[-1] = e / e.sum(axis=0)
        return self.act[-1]

    def backward(self, labels):
        count = labels.size
        delta = self.act[-1].copy()
        delta[labels, np.arange(count)] -= 1
        delta /= count
        grads = []
        for i in reversed(range(len(self.weights))):
            grads.append((delta @ self.act[i].T, delta.sum(axis=1, keepdims=True)))
            if i:
                delta = self.weights[i].T @ delta
                delta = delta * sigmoid_prime(self.pre[i - 1])
        return grads[::-1]

    def step(self, x, labels, rate):
        self.feed(x)
        for i, (dw, db) in enumerate(self.backward(labels)):
            self.weights[i] -= rate * dw
            self.biases[i] -= rate * db


net = Network([14, 20, 16, 5])
for epoch in range(8):
    order = rng.permutation(900)
    for start in range(0, 900, 60):
        batch = order[start:start + 60]
        net.step(data[:, batch], targets[batch], 0.5)
    hits = (net.feed(data).argmax(axis=0) == targets).mean()
    print(epoch, hits)
