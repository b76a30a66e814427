import numpy as np

K, LAM = 6, 0.002
gen = np.random.RandomState(8)
proto = gen.randn(K, 20)
lab = gen.randint(0, K, 800)
data = (proto[lab] + gen.randn(800, 20)).T
data = (data - data.mean(axis=1, keepdims=True)) / data.std(axis=1, keepdims=True)
Y = np.eye(K)[lab].T

W1, b1 = gen.normal(0, 1 / np.sqrt(20), (25, 20)), np.zeros((25, 1))
W2, b2 = gen.normal(0, 1 / np.sqrt(25), (K, 25)), np.zeros((K, 1))


def EvaluateClassifier(X):
    S1 = W1 @ X + b1
    H = np.maximum(S1, 0)
    S = W2 @ H + b2
    P = 1 / (1 + np.exp(-S))
    return H, P


def ComputeCost(P, Y):
    l = -((1 - Y) * np.log(1 - P) + Y * np.log(P)).sum(axis=0) / K
    return l.mean() + LAM * (np.sum(W1 ** 2) + np.sum(W2 ** 2))


def ComputeGradients(X, Y, H, P):
    n = X.shape[1]
    G = (P - Y) / K
    gW2 = G @ H.T / n + 2 * LAM * W2
    gb2 = G.mean(axis=1, keepdims=True)
    G = W2.T @ G
    G = G * (H > 0)
    gW1 = G @ X.T / n + 2 * LAM * W1
    gb1 = G.mean(axis=1, keepdims=True)
    return gW1, gb1, gW2, gb2


for epoch in range(10):
    for j in range(8):
        Xb, Yb = data[:, j * 100:(j + 1) * 100], Y[:, j * 100:(j + 1) * 100]
        H, P = EvaluateClassifier(Xb)
        cost = ComputeCost(P, Yb)
        gW1, gb1, gW2, gb2 = ComputeGradients(Xb, Yb, H, P)
        W1 = W1 - 0.5 * gW1
        b1 = b1 - 0.5 * gb1
        W2 = W2 - 0.5 * gW2
        b2 = b2 - 0.5 * gb2
    acc = np.mean(EvaluateClassifier(data)[1].argmax(axis=0) == lab)
    print(epoch, cost, acc)
