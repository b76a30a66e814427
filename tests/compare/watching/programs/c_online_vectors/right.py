# softmax regression with one hidden layer, one example at a time
import numpy as np

rng = np.random.RandomState(11)
n_in, n_hid, n_out = 16, 12, 4
centers = rng.randn(n_out, n_in) * 1.2
labels = rng.randint(0, n_out, 800)
examples = centers[labels] + rng.randn(800, n_in)

V = rng.randn(n_hid, n_in) / np.sqrt(n_in)
bv = np.zeros(n_hid)
U = rng.randn(n_out, n_hid) / np.sqrt(n_hid)
bu = np.zeros(n_out)
lr = 0.02

for epoch in range(3):
    total = 0.0
    for i in rng.permutation(700):
        x = examples[i]
        target = np.zeros(n_out)
        target[labels[i]] = 1.0

        pre = V.dot(x) + bv
        hid = np.where(pre > 0, pre, 0.0)
        out = U.dot(hid) + bu
        out = np.exp(out - out.max())
        out = out / out.sum()
        total -= np.log(out[labels[i]])

        d_out = out - target
        d_hid = U.T.dot(d_out)
        d_pre = d_hid * (pre > 0)
        dU = np.outer(d_out, hid)
        dV = np.outer(d_pre, x)

        U -= lr * dU
        bu -= lr * d_out
        V -= lr * dV
        bv -= lr * d_pre
    right = 0
    for i in range(700, 800):
        hid = np.maximum(V.dot(examples[i]) + bv, 0)
        right += int(np.argmax(U.dot(hid) + bu) == labels[i])
    print(epoch, total / 700, right / 100)
