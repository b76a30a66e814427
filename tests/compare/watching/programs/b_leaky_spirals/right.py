# three spirals, 3-layer net with leaky relu, all in one script
import numpy as np
import matplotlib.pyplot as plt

np.random.seed(3)
N, K, D = 120, 3, 2      # points per arm, arms, dimensions
X = np.zeros((N * K, D))
y = np.zeros(N * K, dtype='uint8')
for arm in range(K):
    sl = slice(N * arm, N * (arm + 1))
    r = np.linspace(0.05, 1, N)
    theta = np.linspace(arm * 4, (arm + 1) * 4, N) + 0.15 * np.random.randn(N)
    X[sl] = np.stack([r * np.sin(theta), r * np.cos(theta)], axis=1)
    y[sl] = arm

# every fourth point is kept for validation
is_val = np.arange(N * K) % 4 == 3
Xv, yv = X[is_val], y[is_val]
X, y = X[~is_val], y[~is_val]
n = X.shape[0]
onehot = np.eye(K)[y]

h = 50
alpha = 0.01             # slope on the negative side
reg = 1e-4
step_size = 0.5

W1 = np.random.randn(D, h) * np.sqrt(2 / D)
b1 = np.zeros((1, h))
W2 = np.random.randn(h, h) * np.sqrt(2 / h)
b2 = np.zeros((1, h))
W3 = np.random.randn(h, K) * np.sqrt(2 / h)
b3 = np.zeros((1, K))


def leaky(z):
    return np.where(z > 0, z, alpha * z)


for i in range(1500):
    # forward
    z1 = X @ W1 + b1
    h1 = leaky(z1)
    z2 = h1 @ W2 + b2
    h2 = leaky(z2)
    scores = h2 @ W3 + b3

    ex = np.exp(scores - scores.max(axis=1, keepdims=True))
    probs = ex / ex.sum(axis=1, keepdims=True)
    data_loss = -np.sum(onehot * np.log(probs)) / n
    reg_loss = 0.5 * reg * (np.sum(W1 * W1) + np.sum(W2 * W2) + np.sum(W3 * W3))
    loss = data_loss + reg_loss
    if i % 250 == 0:
        hv = leaky(leaky(Xv @ W1 + b1) @ W2 + b2)
        acc = np.mean(np.argmax(hv @ W3 + b3, axis=1) == yv)
        print('iteration %4d  loss %.5f  held-out accuracy %.3f' % (i, loss, acc))

    # backward
    dscores = (probs - onehot) / n
    dW3 = h2.T @ dscores + reg * W3
    db3 = dscores.sum(axis=0, keepdims=True)
    dh2 = dscores @ W3.T
    dz2 = dh2 * np.where(z2 > 0, 1.0, alpha)
    dW2 = h1.T @ dz2 + reg * W2
    db2 = dz2.sum(axis=0, keepdims=True)
    dh1 = dz2 @ W2.T
    dz1 = dh1 * np.where(z1 > 0, 1.0, alpha)
    dW1 = X.T @ dz1 + reg * W1
    db1 = dz1.sum(axis=0, keepdims=True)

    W1 -= step_size * dW1
    b1 -= step_size * db1
    W2 -= step_size * dW2
    b2 -= step_size * db2
    W3 -= step_size * dW3
    b3 -= step_size * db3

pred = np.argmax(leaky(leaky(X @ W1 + b1) @ W2 + b2) @ W3 + b3, axis=1)
print('training accuracy: %.3f' % np.mean(pred == y))

gx, gy = np.meshgrid(np.linspace(-1.2, 1.2, 60), np.linspace(-1.2, 1.2, 60))
grid = np.column_stack([gx.ravel(), gy.ravel()])
Z = np.argmax(leaky(leaky(grid @ W1 + b1) @ W2 + b2) @ W3 + b3, axis=1).reshape(gx.shape)
plt.contourf(gx, gy, Z, alpha=0.5)
plt.scatter(X[:, 0], X[:, 1], c=y, s=8)
plt.show()
