import pickle
import numpy as np
from math import floor


class Classifier:
    """ Two layer network for assignment 2. """

    def __init__(self, d, m, K, lamb, eta_min=1e-5, eta_max=1e-1, n_s=50):
        np.random.seed(100)
        self.params = {
            "W1": np.random.normal(0, 1 / np.sqrt(d), (m, d)), "b1": np.zeros((m, 1)),
            "W2": np.random.normal(0, 1 / np.sqrt(m), (K, m)), "b2": np.zeros((K, 1)),
        }
        self.lamb = lamb
        self.eta_min = eta_min
        self.eta_max = eta_max
        self.n_s = n_s
        self.history = {"cost": [], "val_cost": [], "eta": []}

    def __cyclic_eta(self, t):
        cycle = floor(t / (2 * self.n_s))
        pos = t - cycle * 2 * self.n_s
        if pos <= self.n_s:
            return self.eta_min + pos / self.n_s * (self.eta_max - self.eta_min)
        return self.eta_max - (pos - self.n_s) / self.n_s * (self.eta_max - self.eta_min)

    def __softmax(self, s):
        s = s - s.max(axis=0)
        return np.exp(s) / np.exp(s).sum(axis=0)

    def evaluate(self, X):
        h = np.maximum(0, self.params["W1"] @ X + self.params["b1"])
        return h, self.__softmax(self.params["W2"] @ h + self.params["b2"])

    def compute_cost(self, X, Y):
        _, P = self.evaluate(X)
        loss = -np.sum(Y * np.log(P)) / X.shape[1]
        reg = self.lamb * (np.sum(self.params["W1"] ** 2) + np.sum(self.params["W2"] ** 2))
        return loss, loss + reg

    def accuracy(self, X, y):
        return np.sum(np.argmax(self.evaluate(X)[1], axis=0) == y) / len(y)

    def compute_gradients(self, X, Y):
        nb = X.shape[1]
        grads = {}
        h, P = self.evaluate(X)
        G = P - Y
        grads["W2"] = G @ h.T / nb + 2 * self.lamb * self.params["W2"]
        grads["b2"] = np.sum(G, axis=1).reshape(-1, 1) / nb
        G = self.params["W2"].T @ G
        G = G * np.where(h > 0, 1, 0)
        grads["W1"] = G @ X.T / nb + 2 * self.lamb * self.params["W1"]
        grads["b1"] = np.sum(G, axis=1).reshape(-1, 1) / nb
        return grads

    def fit(self, train, val, n_batch=100, n_cycles=2):
        X, Y = train
        N = X.shape[1]
        t, total = 0, 2 * self.n_s * n_cycles
        while t < total:
            perm = np.random.permutation(N)
            for j in range(N // n_batch):
                if t >= total:
                    break
                idx = perm[j * n_batch:(j + 1) * n_batch]
                grads = self.compute_gradients(X[:, idx], Y[:, idx])
                eta = self.__cyclic_eta(t)
                for key in self.params:
                    self.params[key] -= eta * grads[key]
                t += 1
                self.history["eta"].append(eta)
                if t % 50 == 0:
                    self.history["cost"].append(self.compute_cost(X[:, :1000], Y[:, :1000]))
                    self.history["val_cost"].append(self.compute_cost(*val))
                    print(t, self.history["cost"][-1], self.history["val_cost"][-1])


def load_batch(filename):
    with open('datasets/cifar-10-batches-py/' + filename, 'rb') as f:
        raw = pickle.load(f, encoding='latin1')
    return raw['data'].astype(np.float64).T / 255, np.eye(10)[raw['labels']].T, np.array(raw['labels'])


if __name__ == "__main__":
    X_train, Y_train, y_train = load_batch('data_batch_1')
    X_val, Y_val, y_val = load_batch('data_batch_2')
    X_test, Y_test, y_test = load_batch('test_batch')
    mu = X_train.mean(axis=1, keepdims=True)
    sd = X_train.std(axis=1, keepdims=True)
    X_train, X_val, X_test = [(A - mu) / sd for A in (X_train, X_val, X_test)]
    net = Classifier(3072, 50, 10, lamb=0.01)
    net.fit((X_train, Y_train), (X_val[:, :1000], Y_val[:, :1000]))
    print('Test accuracy:', net.accuracy(X_test, y_test))
