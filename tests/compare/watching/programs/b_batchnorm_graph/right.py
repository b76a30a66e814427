"""
Batch normalization as a computational graph, one node at a time.
Toy data: 4 gaussian blobs in 8 dimensions. One row = one sample.
"""
import numpy as np

EPS = 1e-8


def make_blobs(n_per_class, n_classes=4, dim=8, seed=12):
    r = np.random.RandomState(seed)
    centers = r.randn(n_classes, dim) * 1.5
    X = np.concatenate([c + r.randn(n_per_class, dim) * 1.3 for c in centers])
    y = np.repeat(np.arange(n_classes), n_per_class)
    p = r.permutation(len(y))
    return X[p], y[p]


def batchnorm_forward(x, gamma, beta, eps=EPS):
    N, D = x.shape
    # step 1: mean
    mu = 1. / N * np.sum(x, axis=0)
    # step 2: subtract the mean
    xmu = x - mu
    # step 3: square
    sq = xmu ** 2
    # step 4: variance
    var = 1. / N * np.sum(sq, axis=0)
    # step 5: root, eps for stability
    sqrtvar = np.sqrt(var + eps)
    # step 6: invert
    ivar = 1. / sqrtvar
    # step 7: normalise
    xhat = xmu * ivar
    # step 8 and 9: scale and shift
    gammax = gamma * xhat
    out = gammax + beta
    cache = (xhat, gamma, xmu, ivar, sqrtvar, var, eps)
    return out, cache, mu, var


def batchnorm_backward(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
    N, D = dout.shape
    # step 9
    dbeta = np.sum(dout, axis=0)
    dgammax = dout
    # step 8
    dgamma = np.sum(dgammax * xhat, axis=0)
    dxhat = dgammax * gamma
    # step 7
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    # step 6
    dsqrtvar = -1. / (sqrtvar ** 2) * divar
    # step 5
    dvar = 0.5 * 1. / np.sqrt(var + eps) * dsqrtvar
    # step 4
    dsq = 1. / N * np.ones((N, D)) * dvar
    # step 3
    dxmu2 = 2 * xmu * dsq
    # step 2
    dx1 = dxmu1 + dxmu2
    dmu = -1 * np.sum(dx1, axis=0)
    # step 1
    dx2 = 1. / N * np.ones((N, D)) * dmu
    dx = dx1 + dx2
    return dx, dgamma, dbeta


def batchnorm_test(x, gamma, beta, mean, var, eps=EPS):
    return gamma * (x - mean) / np.sqrt(var + eps) + beta


def affine(x, w, b):
    return np.dot(x, w) + b


def softmax_loss(s, y):
    shifted = s - np.max(s, axis=1, keepdims=True)
    logp = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    loss = -np.mean(logp[np.arange(len(y)), y])
    ds = np.exp(logp)
    ds[np.arange(len(y)), y] -= 1
    ds /= len(y)
    return loss, ds


def loss_and_grads(params, X, y):
    s1 = affine(X, params['w1'], params['b1'])
    n1, cache1, mu1, var1 = batchnorm_forward(s1, params['gamma1'], params['beta1'])
    r1 = np.maximum(0, n1)
    s2 = affine(r1, params['w2'], params['b2'])
    n2, cache2, mu2, var2 = batchnorm_forward(s2, params['gamma2'], params['beta2'])
    r2 = np.maximum(0, n2)
    s3 = affine(r2, params['w3'], params['b3'])
    loss, ds3 = softmax_loss(s3, y)

    g = {}
    g['w3'] = np.dot(r2.T, ds3)
    g['b3'] = np.sum(ds3, axis=0)
    dr2 = np.dot(ds3, params['w3'].T)
    dn2 = dr2 * (n2 > 0)
    ds2, g['gamma2'], g['beta2'] = batchnorm_backward(dn2, cache2)
    g['w2'] = np.dot(r1.T, ds2)
    g['b2'] = np.sum(ds2, axis=0)
    dr1 = np.dot(ds2, params['w2'].T)
    dn1 = dr1 * (n1 > 0)
    ds1, g['gamma1'], g['beta1'] = batchnorm_backward(dn1, cache1)
    g['w1'] = np.dot(X.T, ds1)
    g['b1'] = np.sum(ds1, axis=0)
    return loss, g, (mu1, var1, mu2, var2)


def predict(params, stats, X):
    m1, v1, m2, v2 = stats
    r = np.maximum(0, batchnorm_test(affine(X, params['w1'], params['b1']), params['gamma1'], params['beta1'], m1, v1))
    r = np.maximum(0, batchnorm_test(affine(r, params['w2'], params['b2']), params['gamma2'], params['beta2'], m2, v2))
    return np.argmax(affine(r, params['w3'], params['b3']), axis=1)


def grad_check(params, X, y, h=1e-5):
    _, g, _ = loss_and_grads(params, X, y)
    for name in sorted(params):
        flat = params[name].reshape(-1)
        num = np.zeros_like(flat)
        for i in range(flat.size):
            old = flat[i]
            flat[i] = old + h
            up = loss_and_grads(params, X, y)[0]
            flat[i] = old - h
            down = loss_and_grads(params, X, y)[0]
            flat[i] = old
            num[i] = (up - down) / (2 * h)
        a = g[name].reshape(-1)
        rel = np.max(np.abs(a - num) / np.maximum(1e-6, np.abs(a) + np.abs(num)))
        print('%-7s max relative difference %.2e' % (name, rel))


def init(d, h1, h2, k, seed=0):
    r = np.random.RandomState(seed)
    return {
        'w1': r.randn(d, h1) / np.sqrt(d), 'b1': np.zeros(h1), 'gamma1': np.ones(h1), 'beta1': np.zeros(h1),
        'w2': r.randn(h1, h2) / np.sqrt(h1), 'b2': np.zeros(h2), 'gamma2': np.ones(h2), 'beta2': np.zeros(h2),
        'w3': r.randn(h2, k) / np.sqrt(h2), 'b3': np.zeros(k),
    }


X, y = make_blobs(300)
X_train, y_train, X_test, y_test = X[:1000], y[:1000], X[1000:], y[1000:]

grad_check(init(8, 4, 3, 4), X_train[:6], y_train[:6])

params = init(8, 20, 15, 4)
stats = None
lr = 0.1
r = np.random.RandomState(5)
for epoch in range(20):
    order = r.permutation(1000)
    total = 0
    for start in range(0, 1000, 50):
        rows = order[start:start + 50]
        loss, grads, batch_stats = loss_and_grads(params, X_train[rows], y_train[rows])
        total += loss
        if stats is None:
            stats = batch_stats
        else:
            stats = tuple(0.9 * s + 0.1 * b for s, b in zip(stats, batch_stats))
        for name in params:
            params[name] = params[name] - lr * grads[name]
    if epoch % 4 == 0:
        print('epoch', epoch, 'loss', total / 20, 'test accuracy', np.mean(predict(params, stats, X_test) == y_test))
print('final test accuracy', np.mean(predict(params, stats, X_test) == y_test))
