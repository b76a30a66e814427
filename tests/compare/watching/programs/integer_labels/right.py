# spiral data, small 2-layer net, integer labels
import numpy as np
import matplotlib.pyplot as plt

np.random.seed(0)
points = 300   # per class
dims = 2
classes = 3
X = np.zeros((points * classes, dims))
y = np.zeros(points * classes, dtype='uint8')
for c in range(classes):
    rows = range(points * c, points * (c + 1))
    rad = np.linspace(0.05, 1, points)
    ang = np.linspace(4 * c, 4 * (c + 1), points) + 0.2 * np.random.randn(points)
    X[rows] = np.c_[rad * np.sin(ang), rad * np.cos(ang)]
    y[rows] = c
X = (X - X.mean(axis=0)) / X.std(axis=0)

h = 64
W1 = 0.5 * np.random.randn(dims, h)
b1 = np.zeros((1, h))
W2 = 0.2 * np.random.randn(h, classes)
b2 = np.zeros((1, classes))

lr = 0.5
reg = 1e-3
batch = 100
losses = []


def hidden_layer(X):
    H = np.dot(X, W1) + b1
    H[H < 0] = 0
    return H


for epoch in range(60):
    shuffled = np.random.permutation(X.shape[0])
    hits = 0.0
    for k in range(0, X.shape[0], batch):
        xb, yb = X[shuffled[k:k + batch]], y[shuffled[k:k + batch]]
        n = xb.shape[0]

        H = hidden_layer(xb)
        scores = np.dot(H, W2) + b2
        exp_scores = np.exp(scores)
        p = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)

        loss = np.mean(-np.log(p[np.arange(n), yb]))
        loss += 0.5 * reg * np.sum(W1 * W1) + 0.5 * reg * np.sum(W2 * W2)
        losses.append(loss)

        dscores = p.copy()
        dscores[np.arange(n), yb] -= 1
        dscores /= n
        batch_acc = np.mean(np.argmax(p, axis=1) == yb)
        hits += batch_acc * n

        dW2 = np.dot(H.T, dscores) + reg * W2
        db2 = np.sum(dscores, axis=0, keepdims=True)
        dH = np.dot(dscores, W2.T)
        dH[H <= 0] = 0
        dW1 = np.dot(xb.T, dH) + reg * W1
        db1 = np.sum(dH, axis=0, keepdims=True)

        W1 += -lr * dW1
        b1 += -lr * db1
        W2 += -lr * dW2
        b2 += -lr * db2
    if epoch % 10 == 9:
        print('epoch %d: loss %f, running accuracy %.3f' % (epoch + 1, loss, hits / X.shape[0]))

final = np.argmax(np.dot(hidden_layer(X), W2) + b2, axis=1)
print('training accuracy: %.3f' % np.mean(final == y))

step = 0.05
gx, gy = np.meshgrid(np.arange(-2, 2, step), np.arange(-2, 2, step))
Z = np.dot(hidden_layer(np.c_[gx.ravel(), gy.ravel()]), W2) + b2
plt.contourf(gx, gy, np.argmax(Z, axis=1).reshape(gx.shape), alpha=0.6)
plt.scatter(X[:, 0], X[:, 1], c=y, s=10)
plt.show()
