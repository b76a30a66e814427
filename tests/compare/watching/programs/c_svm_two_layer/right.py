import numpy as np


def svm_loss(x, y):
    N = x.shape[0]
    correct = x[np.arange(N), y]
    margins = np.maximum(0, x - correct[:, np.newaxis] + 1.0)
    margins[np.arange(N), y] = 0
    loss = np.sum(margins) / N
    num_pos = np.sum(margins > 0, axis=1)
    dx = np.zeros_like(x)
    dx[margins > 0] = 1
    dx[np.arange(N), y] -= num_pos
    dx /= N
    return loss, dx


np.random.seed(2)
centers = np.random.randn(5, 20)
y_all = np.random.randint(5, size=600)
x_all = centers[y_all] + np.random.randn(600, 20)
W1 = 0.2 * np.random.randn(20, 15)
b1 = np.zeros(15)
W2 = 0.2 * np.random.randn(15, 5)
b2 = np.zeros(5)
reg = 1e-3
for it in range(200):
    pick = np.random.choice(500, 50, replace=False)
    X, y = x_all[pick], y_all[pick]
    hidden = np.maximum(0, X.dot(W1) + b1)
    scores = hidden.dot(W2) + b2
    loss, dscores = svm_loss(scores, y)
    loss += 0.5 * reg * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
    dW2 = hidden.T.dot(dscores) + reg * W2
    db2 = dscores.sum(axis=0)
    dhidden = dscores.dot(W2.T)
    dhidden[hidden == 0] = 0
    dW1 = X.T.dot(dhidden) + reg * W1
    db1 = dhidden.sum(axis=0)
    W1 -= 0.1 * dW1
    b1 -= 0.1 * db1
    W2 -= 0.1 * dW2
    b2 -= 0.1 * db2
    if it % 50 == 0:
        acc = (np.maximum(0, x_all[500:].dot(W1) + b1).dot(W2) + b2).argmax(1) == y_all[500:]
        print(it, loss, acc.mean())
