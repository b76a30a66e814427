"""Wrong forward pass, seen in a public CS231n solution: a ReLU on the scores before the softmax."""

import numpy as np


class TwoLayerNet:
    def __init__(self, input_dim=10, hidden_dim=9, num_classes=10, weight_scale=0.1, reg=0.0):
        self.params = {
            "W1": np.random.randn(input_dim, hidden_dim),
            "b1": np.zeros(hidden_dim),
            "W2": np.random.randn(hidden_dim, num_classes),
            "b2": np.zeros(num_classes),
        }
        self.reg = reg

    def loss(self, X, y=None):
        p, n = self.params, len(X)
        s1 = X @ p["W1"] + p["b1"]
        h = np.maximum(0, s1)
        s2 = h @ p["W2"] + p["b2"]
        scores = np.maximum(0, s2)  # the mistake
        if y is None:
            return scores
        q = np.exp(scores)
        q /= q.sum(axis=1, keepdims=True)
        loss = -np.log(q[np.arange(n), y]).mean() + 0.5 * self.reg * (
            (p["W1"] ** 2).sum() + (p["W2"] ** 2).sum()
        )
        q[np.arange(n), y] -= 1
        d = q / n * (s2 > 0)
        g = {"W2": h.T @ d + self.reg * p["W2"], "b2": d.sum(axis=0)}
        d = d @ p["W2"].T * (s1 > 0)
        g.update(W1=X.T @ d + self.reg * p["W1"], b1=d.sum(axis=0))
        return loss, g
