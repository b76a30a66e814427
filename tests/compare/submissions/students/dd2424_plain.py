import numpy as np


def ApplyNetwork(X, net_params):
    W, b = net_params["W"], net_params["b"]
    H = [X]
    h = X
    for l in range(len(W) - 1):
        s = W[l] @ h + b[l]
        h = np.maximum(0, s)
        H.append(h)
    s = W[-1] @ h + b[-1]
    e = np.exp(s - s.max(axis=0))
    P = e / e.sum(axis=0)
    return P, H


def ComputeCost(X, Y, net_params, lam):
    P, _ = ApplyNetwork(X, net_params)
    loss = -np.mean(np.log(np.sum(Y * P, axis=0)))
    cost = loss + lam * sum(np.sum(W**2) for W in net_params["W"])
    return cost, loss


def BackwardPass(X, Y, P, H, net_params, lam):
    W, b = net_params["W"], net_params["b"]
    n = X.shape[1]
    grads = {"W": [None] * len(W), "b": [None] * len(b)}
    G = P - Y
    for l in reversed(range(len(W))):
        grads["W"][l] = G @ H[l].T / n + 2 * lam * W[l]
        grads["b"][l] = np.sum(G, axis=1, keepdims=True) / n
        G = W[l].T @ G
        G = G * (H[l] > 0)
    return grads


if __name__ == "__main__":
    raise SystemExit("the main part must not run")
