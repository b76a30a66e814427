import numpy as np
import pickle


def load(fname, n):
    with open('Datasets/cifar-10-batches-py/' + fname, 'rb') as fo:
        dict = pickle.load(fo, encoding='bytes')
    X = np.array(dict[b'data'][:n], dtype=np.float64).transpose() / 255
    y = dict[b'labels'][:n]
    Y = np.zeros((10, n))
    for i in range(n):
        Y[y[i], i] = 1
    return X, Y, y


def evaluate(X, W, b):
    s = W @ X + b
    return np.exp(s) / np.sum(np.exp(s), axis=0)


def gradients(X, Y, P, W, lambd):
    grad_W = np.zeros(W.shape)
    grad_b = np.zeros((W.shape[0], 1))
    n = X.shape[1]
    for i in range(n):
        p = P[:, [i]]
        y = Y[:, [i]]
        x = X[:, [i]]
        g = -(y.T / (y.T @ p)) @ (np.diagflat(p) - p @ p.T)
        grad_b += g.T
        grad_W += g.T @ x.T
    grad_b = grad_b / n
    grad_W = grad_W / n
    grad_W = grad_W + 2 * lambd * W
    return grad_W, grad_b


X, Y, y = load('data_batch_1', 2000)
Xv, Yv, yv = load('data_batch_2', 500)
m = X.mean(axis=1).reshape(-1, 1)
X = X - m
Xv = Xv - m
np.random.seed(0)
W = np.random.normal(0, 0.01, (10, 3072))
b = np.random.normal(0, 0.01, (10, 1))
for epoch in range(2):
    for j in range(0, 2000, 50):
        Xb = X[:, j:j + 50]
        Yb = Y[:, j:j + 50]
        P = evaluate(Xb, W, b)
        gW, gb = gradients(Xb, Yb, P, W, 0.01)
        W = W - 0.01 * gW
        b = b - 0.01 * gb
    print(epoch, np.mean(np.argmax(evaluate(Xv, W, b), axis=0) == yv))
