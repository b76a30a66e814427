from __future__ import print_function
import numpy as np


class TwoLayerNet(object):
    def __init__(self, input_size, hidden_size, output_size, std=1e-1):
        self.params = {}
        self.params['W1'] = std * np.random.randn(input_size, hidden_size)
        self.params['b1'] = np.zeros(hidden_size)
        self.params['W2'] = std * np.random.randn(hidden_size, output_size)
        self.params['b2'] = np.zeros(output_size)

    def loss(self, X, y=None, reg=0.0):
        W1, b1 = self.params['W1'], self.params['b1']
        W2, b2 = self.params['W2'], self.params['b2']
        N, D = X.shape

        z1 = X.dot(W1) + b1
        a1 = z1.copy()
        a1[a1 < 0] = 0
        scores = a1.dot(W2) + b2
        if y is None:
            return scores

        f = scores - np.max(scores, axis=1).reshape(-1, 1)
        loss = -f[range(N), y].sum() + np.log(np.exp(f).sum(axis=1)).sum()
        loss = loss / N + reg * (np.sum(W1 * W1) + np.sum(W2 * W2))

        grads = {}
        counts = np.exp(f) / np.exp(f).sum(axis=1).reshape(-1, 1)
        counts[range(N), y] -= 1
        grads['W2'] = a1.T.dot(counts)
        grads['b2'] = np.sum(counts, axis=0)
        dh = counts.dot(W2.T)
        dh_ReLu = (z1 > 0) * dh
        grads['W1'] = X.T.dot(dh_ReLu)
        grads['b1'] = np.sum(dh_ReLu, axis=0)
        for key in grads:
            grads[key] /= N
        grads['W1'] += 2 * reg * W1
        grads['W2'] += 2 * reg * W2
        return loss, grads

    def train(self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95, reg=5e-6,
              num_iters=100, batch_size=200, verbose=False):
        num_train = X.shape[0]
        iterations_per_epoch = max(num_train // batch_size, 1)
        for it in range(num_iters):
            idx = np.random.choice(num_train, batch_size, replace=True)
            X_batch = X[idx]
            y_batch = y[idx]
            loss, grads = self.loss(X_batch, y=y_batch, reg=reg)
            self.params['W1'] -= learning_rate * grads['W1']
            self.params['W2'] -= learning_rate * grads['W2']
            self.params['b1'] -= learning_rate * grads['b1']
            self.params['b2'] -= learning_rate * grads['b2']
            if it % iterations_per_epoch == 0:
                train_acc = (self.predict(X_batch) == y_batch).mean()
                val_acc = (self.predict(X_val) == y_val).mean()
                learning_rate *= learning_rate_decay
                print(it, loss, train_acc, val_acc)

    def predict(self, X):
        return np.argmax(self.loss(X), axis=1)


np.random.seed(0)
means = np.random.randn(5, 30)
labels = np.random.randint(5, size=1500)
points = means[labels] + 0.8 * np.random.randn(1500, 30)
net = TwoLayerNet(30, 25, 5)
net.train(points[:1200], labels[:1200], points[1200:], labels[1200:], learning_rate=0.1, reg=1e-3,
          num_iters=120, batch_size=50)
