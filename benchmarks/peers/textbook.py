"""The network as in a typical course solution: NumPy, float64, samples in columns.

A peer in `benchmarks.manual_speed`. It is not tuned for speed, but wastes nothing: one expression
for each line of the derivation.
"""

from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int


class Textbook:
    """A network with batch norm, trained by plain minibatch gradient descent.

    Arguments:
        X: all samples, in columns.
        Y: one-hot classes, in columns.
        hidden: widths.
    """

    def __init__(
        self,
        X: Float[np.ndarray, "d samples"],
        Y: Float[np.ndarray, "classes samples"],
        hidden: tuple[int, ...],
    ) -> None:
        rng = np.random.default_rng(0)
        self.X, self.Y = X, Y
        sizes = [len(X), *hidden, len(Y)]
        self.W = [
            rng.standard_normal((out, into)) * np.sqrt(2 / into) for into, out in pairwise(sizes)
        ]
        self.b = [np.zeros((out, 1)) for out in sizes[1:]]
        self.gamma = [np.ones((out, 1)) for out in hidden]
        self.beta = [np.zeros((out, 1)) for out in hidden]
        self.running = [(np.zeros((out, 1)), np.ones((out, 1))) for out in hidden]

    def update(self, inds: Int[np.ndarray, " n"], eta: float, lam: float) -> float:
        """Run one update; return the cost before it."""
        X, Y = self.X[:, inds], self.Y[:, inds]
        n, eps = X.shape[1], np.finfo(float).eps
        inputs, scores, normalised, means, variances = [X], [], [], [], []
        for l in range(len(self.gamma)):
            s = self.W[l] @ inputs[-1] + self.b[l]
            mu = s.mean(axis=1, keepdims=True)
            v = s.var(axis=1, keepdims=True)
            s_hat = (s - mu) / np.sqrt(v + eps)
            inputs.append(np.maximum(0, self.gamma[l] * s_hat + self.beta[l]))
            scores.append(s)
            normalised.append(s_hat)
            means.append(mu)
            variances.append(v)
            mu_av, v_av = self.running[l]
            self.running[l] = (0.9 * mu_av + 0.1 * mu, 0.9 * v_av + 0.1 * v)
        s = self.W[-1] @ inputs[-1] + self.b[-1]
        P = np.exp(s) / np.exp(s).sum(axis=0)
        cost = -np.log((Y * P).sum(axis=0)).mean() + lam * sum((W**2).sum() for W in self.W)

        G = P - Y
        gradients = []
        for l in reversed(range(len(self.W))):
            if l < len(self.gamma):
                d_gamma = (G * normalised[l]).sum(axis=1, keepdims=True) / n
                d_beta = G.sum(axis=1, keepdims=True) / n
                G = G * self.gamma[l]
                sigma1, sigma2 = (variances[l] + eps) ** -0.5, (variances[l] + eps) ** -1.5
                G1, G2 = G * sigma1, G * sigma2
                D = scores[l] - means[l]
                c = (G2 * D).sum(axis=1, keepdims=True)
                G = G1 - G1.sum(axis=1, keepdims=True) / n - D * c / n
                gradients += [(self.gamma[l], d_gamma), (self.beta[l], d_beta)]
            gradients.append((self.W[l], G @ inputs[l].T / n + 2 * lam * self.W[l]))
            gradients.append((self.b[l], G.sum(axis=1, keepdims=True) / n))
            if l > 0:
                G = self.W[l].T @ G
                G = G * (inputs[l] > 0)
        for parameter, gradient in gradients:
            parameter -= eta * gradient
        return float(cost)
