"""Objects with forward and backward; batch norm in the short form of a well-known exercise."""

import numpy as np


class Linear:
    def __init__(self, w, b, decay):
        self.w, self.b, self.decay = w.T, b, decay

    def forward(self, x):
        self.x = x
        return x.dot(self.w) + self.b

    def backward(self, dout):
        self.dw = self.x.T.dot(dout) + self.decay * self.w
        self.db = np.sum(dout, axis=0)
        return dout.dot(self.w.T)


class BatchNorm:
    def __init__(self, gamma, beta, eps):
        self.gamma, self.beta, self.eps = gamma, beta, eps

    def forward(self, x):
        self.mean = x.mean(axis=0)
        self.var = x.var(axis=0)
        self.std = np.sqrt(self.var + self.eps)
        self.xhat = (x - self.mean) / self.std
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        m = dout.shape[0]
        self.dbeta = dout.sum(axis=0)
        self.dgamma = np.sum(dout * self.xhat, axis=0)
        dxhat = dout * self.gamma
        dx = m * dxhat - dxhat.sum(axis=0) - self.xhat * np.sum(dxhat * self.xhat, axis=0)
        return dx / (m * self.std)


class Relu:
    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dx = dout.copy()
        dx[self.mask] = 0
        return dx


class SoftmaxLoss:
    def forward(self, scores, y):
        self.y, self.n = y, scores.shape[0]
        exps = np.exp(scores - np.max(scores, axis=1, keepdims=True))
        self.p = exps / np.sum(exps, axis=1, keepdims=True)
        return -np.mean(np.log(self.p[range(self.n), y]))

    def backward(self):
        grad = self.p.copy()
        grad[range(self.n), self.y] -= 1
        return grad / self.n


def run(X, y, P, lam, eps):
    depth = sum(name[0] == "W" for name in P)
    chain = []
    for i in range(1, depth + 1):
        chain.append((f"{i}", Linear(P[f"W{i}"], P[f"b{i}"], 2 * lam)))
        if i < depth:
            if f"gamma{i}" in P:
                chain.append((f"{i}", BatchNorm(P[f"gamma{i}"], P[f"beta{i}"], eps)))
            chain.append((f"{i}", Relu()))
    out = X
    for _, part in chain:
        out = part.forward(out)
    head = SoftmaxLoss()
    loss = head.forward(out, y)
    grad = head.backward()
    for _, part in reversed(chain):
        grad = part.backward(grad)
    grads, penalty = {}, 0.0
    for i, part in chain:
        if isinstance(part, Linear):
            grads["W" + i], grads["b" + i] = part.dw.T, part.db
            penalty += lam * np.sum(part.w**2)
        if isinstance(part, BatchNorm):
            grads["gamma" + i], grads["beta" + i] = part.dgamma, part.dbeta
    return {"p": head.p, "loss": loss, "cost": loss + penalty, "grads": grads}
