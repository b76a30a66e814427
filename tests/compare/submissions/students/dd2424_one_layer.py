import numpy as np


def softmax(s):
    return np.exp(s) / np.exp(s).sum(axis=0)


def ApplyNetwork(X, network):
    return softmax(network["W"] @ X + network["b"])


def ComputeLoss(X, y, network):
    P = ApplyNetwork(X, network)
    return -np.log(P[y, np.arange(len(y))]).mean()


def ComputeCost(P, y, network, lam):
    return -np.log(P[y, np.arange(len(y))]).mean() + lam * np.sum(network["W"] ** 2)


def BackwardPass(X, Y, P, network, lam):
    n = X.shape[1]
    G = P - Y
    grads = {}
    grads["W"] = G @ X.T / n + 2 * lam * network["W"]
    grads["b"] = G.mean(axis=1).reshape(-1, 1)
    return grads
