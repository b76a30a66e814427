import pickle
import numpy as np
import matplotlib.pyplot as plt

rs = np.random.RandomState(99)


def read(path):
    d = np.load(path, allow_pickle=True, encoding='bytes')
    x = d[b'data'].astype(np.float32) / 255
    t = np.zeros((len(x), 10), dtype=np.float32)
    for i, label in enumerate(d[b'labels']):
        t[i, label] = 1
    return x, t


def batches(X, Y, size, shuffle=True):
    """Yields minibatches of one epoch; what does not fill a batch is dropped."""
    idx = np.arange(len(X))
    if shuffle:
        rs.shuffle(idx)
    for i in range(0, len(X) - size + 1, size):
        part = idx[i:i + size]
        yield X[part], Y[part]


def relu(z):
    return z * (z > 0)


def forward(x, W, b):
    z1 = x @ W[0] + b[0]
    h1 = relu(z1)
    z2 = h1 @ W[1] + b[1]
    h2 = relu(z2)
    o = h2 @ W[2] + b[2]
    e = np.exp(o)
    return z1, h1, z2, h2, e / e.sum(axis=1)[:, None]


def gradients(x, t, W, b):
    n = len(x)
    z1, h1, z2, h2, p = forward(x, W, b)
    d3 = p - t
    d2 = d3 @ W[2].T
    d2 = d2 * (z2 > 0)
    d1 = d2 @ W[1].T
    d1 = d1 * (z1 > 0)
    dW = [x.T @ d1 / n, h1.T @ d2 / n, h2.T @ d3 / n]
    db = [d1.mean(0), d2.mean(0), d3.mean(0)]
    return dW, db, -np.mean(np.log((p * t).sum(1)))


def evaluate(X, Y, W, b):
    hits = loss = count = 0
    for Xb, Yb in batches(X, Y, 500, shuffle=False):
        p = forward(Xb, W, b)[-1]
        hits += np.sum(p.argmax(1) == Yb.argmax(1))
        loss -= np.sum(np.log(np.sum(p * Yb, axis=1)))
        count += len(Xb)
    return loss / count, hits / count


def eta_at(t, lo, hi, ns):
    c = t % (2 * ns)
    return lo + (hi - lo) * (c / ns if c < ns else (2 * ns - c) / ns)


folder = '/mnt/c/data/cifar-10-batches-py/'
xtr, ttr = read(folder + 'data_batch_1')
xva, tva = read(folder + 'data_batch_2')
xte, tte = read(folder + 'test_batch')
with open(folder + 'batches.meta', 'rb') as fh:
    names = pickle.load(fh)['label_names']
mu = xtr.mean(axis=0)
sigma = xtr.std(axis=0)
xtr = (xtr - mu) / sigma
xva = (xva - mu) / sigma
xte = (xte - mu) / sigma

sizes = [3072, 50, 50, 10]
W = [(rs.randn(i, o) * np.sqrt(2 / i)).astype(np.float32) for i, o in zip(sizes, sizes[1:])]
b = [np.zeros(50, np.float32), np.zeros(50, np.float32), np.zeros(10, np.float32)]

t = 0
curve = []
for epoch in range(4):
    for Xb, Yb in batches(xtr, ttr, 100):
        dW, db, loss = gradients(Xb, Yb, W, b)
        lr = eta_at(t, 1e-5, 1e-1, 200)
        for i in range(3):
            W[i] -= lr * dW[i]
            b[i] -= lr * db[i]
        curve.append(loss)
        t += 1
    print('epoch', epoch, 'train', evaluate(xtr, ttr, W, b), 'val', evaluate(xva, tva, W, b))
print('test', evaluate(xte, tte, W, b))

p = forward(xte, W, b)[-1]
for k in range(10):
    mine = tte[:, k] == 1
    print('%-12s %.3f' % (names[k], np.mean(p[mine].argmax(1) == k)))
plt.plot(curve)
plt.xlabel('update')
plt.show()
