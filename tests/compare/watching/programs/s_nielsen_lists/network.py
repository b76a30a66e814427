"""
network.py
~~~~~~~~~~
Feedforward network, plain SGD, gradients one example at a time.
Examples are pairs (x, y) of column vectors.
"""
import random
import numpy as np


class Network(object):

    def __init__(self, sizes):
        self.num_layers = len(sizes)
        self.sizes = sizes
        self.biases = [np.random.randn(n, 1) for n in sizes[1:]]
        self.weights = [np.random.randn(n, k) / np.sqrt(k)
                        for k, n in zip(sizes[:-1], sizes[1:])]

    def feedforward(self, a):
        for b, w in zip(self.biases, self.weights):
            a = sigmoid(np.dot(w, a) + b)
        return a

    def train(self, data, epochs, batch, eta, test=None):
        for epoch in range(epochs):
            random.shuffle(data)
            for k in range(0, len(data), batch):
                self.step(data[k:k + batch], eta)
            line = "epoch {0}: cost {1:.5f}".format(epoch, self.total_cost(data))
            if test:
                line += "  {0}/{1}".format(self.correct(test), len(test))
            print(line)

    def step(self, mini_batch, eta):
        """One gradient step, averaged over the mini batch."""
        sum_b = [np.zeros(b.shape) for b in self.biases]
        sum_w = [np.zeros(w.shape) for w in self.weights]
        for x, y in mini_batch:
            gb, gw = self.backprop(x, y)
            sum_b = [s + g for s, g in zip(sum_b, gb)]
            sum_w = [s + g for s, g in zip(sum_w, gw)]
        n = len(mini_batch)
        self.weights = [w - (eta / n) * g for w, g in zip(self.weights, sum_w)]
        self.biases = [b - (eta / n) * g for b, g in zip(self.biases, sum_b)]

    def backprop(self, x, y):
        grad_b = [None] * len(self.biases)
        grad_w = [None] * len(self.weights)
        # forward, remembering everything
        activation = x
        activations = [x]
        zs = []
        for b, w in zip(self.biases, self.weights):
            z = np.dot(w, activation) + b
            zs.append(z)
            activation = sigmoid(z)
            activations.append(activation)
        # backward
        delta = (activations[-1] - y) * sigmoid_prime(zs[-1])
        grad_b[-1] = delta
        grad_w[-1] = np.dot(delta, activations[-2].T)
        for l in range(2, self.num_layers):
            sp = sigmoid_prime(zs[-l])
            delta = np.dot(self.weights[-l + 1].T, delta) * sp
            grad_b[-l] = delta
            grad_w[-l] = np.dot(delta, activations[-l - 1].T)
        return grad_b, grad_w

    def total_cost(self, data):
        """C = 1/(2n) sum_x ||y - a||^2"""
        c = 0.0
        for x, y in data:
            c += 0.5 * np.linalg.norm(self.feedforward(x) - y) ** 2
        return c / len(data)

    def correct(self, data):
        return sum(int(np.argmax(self.feedforward(x)) == np.argmax(y)) for x, y in data)


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_prime(z):
    """Derivative of the sigmoid at z."""
    return sigmoid(z) * (1 - sigmoid(z))
