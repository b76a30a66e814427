import numpy as np

dt = np.float32
rng = np.random.default_rng(21)
d, m, k, n = 60, 32, 6, 64
mu = rng.standard_normal((k, d)).astype(dt)
labels = rng.integers(0, k, 2000)
X = mu[labels] + rng.standard_normal((2000, d)).astype(dt)
mean, std = X[:1600].mean(0), X[:1600].std(0)
X -= mean
X /= std
Xtr, ytr, Xte, yte = X[:1600], labels[:1600], X[1600:], labels[1600:]

w = (rng.standard_normal((d, m)) * np.sqrt(2 / d)).astype(dt)
bw = np.zeros(m, dt)
v = (rng.standard_normal((m, k)) * np.sqrt(2 / m)).astype(dt)
bv = np.zeros(k, dt)
hid = np.empty((n, m), dt)
out = np.empty((n, k), dt)
g_hid = np.empty((n, m), dt)
gw, gv = np.empty_like(w), np.empty_like(v)
gbw, gbv = np.empty_like(bw), np.empty_like(bv)
xb = np.empty((n, d), dt)
lr, l2 = dt(0.1), dt(1e-3)
keep = 0.8
rows = np.arange(n)

for epoch in range(4):
    order = rng.permutation(1600)
    for s in range(0, 1600, n):
        sel = order[s:s + n]
        np.take(Xtr, sel, axis=0, out=xb)
        np.dot(xb, w, out=hid)
        hid += bw
        np.maximum(hid, 0, out=hid)
        mask = (rng.random((n, m)) < keep).astype(dt) / dt(keep)
        hid *= mask
        np.dot(hid, v, out=out)
        out += bv
        out -= out.max(axis=1, keepdims=True)
        np.exp(out, out=out)
        out /= out.sum(axis=1, keepdims=True)
        loss = -np.log(out[rows, ytr[sel]]).mean()
        out[rows, ytr[sel]] -= 1
        out /= n
        np.dot(hid.T, out, out=gv)
        gv += l2 * v
        np.sum(out, axis=0, out=gbv)
        np.dot(out, v.T, out=g_hid)
        g_hid *= mask
        g_hid *= hid > 0
        np.dot(xb.T, g_hid, out=gw)
        gw += l2 * w
        np.sum(g_hid, axis=0, out=gbw)
        v -= lr * gv
        bv -= lr * gbv
        w -= lr * gw
        bw -= lr * gbw
    acc = (np.maximum(Xte @ w + bw, 0) @ v + bv).argmax(1) == yte
    print(epoch, loss, acc.mean())
