# Student net learns a random teacher. Everything as einsum, to practise index notation.
import numpy as np

np.random.seed(3)
N, D, H, C = 2400, 20, 30, 4
REG = 2e-3

X = np.random.randn(N, D) * np.linspace(0.5, 3, D) + 1.0
T1 = np.random.randn(D, 16)
T2 = np.random.randn(16, C)
y = np.einsum('nh,hc->nc', np.tanh(np.einsum('nd,dh->nh', X, T1) / 4), T2).argmax(axis=1)
Xtrain, ytrain, Xtest, ytest = X[:2000], y[:2000], X[2000:], y[2000:]
mean = np.einsum('nd->d', Xtrain) / 2000
std = np.sqrt(np.einsum('nd,nd->d', Xtrain - mean, Xtrain - mean) / 2000)
Xtrain = (Xtrain - mean) / std
Xtest = (Xtest - mean) / std
onehot = np.zeros((2000, C))
onehot[np.arange(2000), ytrain] = 1

A = np.random.randn(D, H) * (2 / D) ** 0.5
B = np.random.randn(H, H) * (2 / H) ** 0.5
F = np.random.randn(H, C) * (2 / H) ** 0.5
a, b, f = np.zeros(H), np.zeros(H), np.zeros(C)


def probs(x):
    u = np.einsum('ni,ij->nj', x, A) + a
    r = np.maximum(u, 0)
    v = np.einsum('ni,ij->nj', r, B) + b
    q = np.maximum(v, 0)
    w = np.einsum('ni,ij->nj', q, F) + f
    e = np.exp(w - w.max(axis=1, keepdims=True))
    return r, q, np.einsum('nj,n->nj', e, 1 / np.einsum('nj->n', e))


def cost(x, t):
    p = probs(x)[2]
    squares = sum(np.einsum('ij,ij->', M, M) for M in (A, B, F))
    return -np.einsum('nc,nc->', t, np.log(p)) / len(x) + REG / 2 * squares


def gradient(x, t):
    n = len(x)
    r, q, p = probs(x)
    gw = p - t
    dF = np.einsum('ni,nj->ij', q, gw) / n + REG * F
    df = np.einsum('nj->j', gw) / n
    gq = np.einsum('nj,ij->ni', gw, F)
    gv = np.einsum('ni,ni->ni', gq, q > 0)
    dB = np.einsum('ni,nj->ij', r, gv) / n + REG * B
    db = np.einsum('nj->j', gv) / n
    gr = np.einsum('nj,ij->ni', gv, B)
    gu = np.einsum('ni,ni->ni', gr, r > 0)
    dA = np.einsum('ni,nj->ij', x, gu) / n + REG * A
    da = np.einsum('nj->j', gu) / n
    return dA, da, dB, db, dF, df


def numerical(M, x, t, entries=6, h=1e-5):
    out = []
    for _ in range(entries):
        k = tuple(np.random.randint(s) for s in M.shape)
        keep = M[k]
        M[k] = keep + h
        up = cost(x, t)
        M[k] = keep - h
        down = cost(x, t)
        M[k] = keep
        out.append((k, (up - down) / (2 * h)))
    return out


analytic = gradient(Xtrain[:30], onehot[:30])
for name, M, g in zip('AaBbFf', (A, a, B, b, F, f), analytic):
    worst = max(abs(g[k] - value) for k, value in numerical(M, Xtrain[:30], onehot[:30]))
    print('check', name, worst)

lo, hi, ns, t = 1e-3, 0.3, 100, 0
for epoch in range(10):
    order = np.random.permutation(2000)
    for chunk in np.split(order, 40):
        grads = gradient(Xtrain[chunk], onehot[chunk])
        tri = 1 - abs(t % (2 * ns) / ns - 1)
        lr = lo + tri * (hi - lo)
        for M, g in zip((A, a, B, b, F, f), grads):
            M -= lr * g
        t += 1
    hit = np.mean(probs(Xtest)[2].argmax(axis=1) == ytest)
    print(epoch, 'cost', round(float(cost(Xtrain, onehot)), 4), 'test', hit)
