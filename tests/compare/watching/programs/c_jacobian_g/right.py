"""A network as one nested function: everything lives in a closure of train()."""
import numpy as np


def train(X, labels, hidden=24, lam=0.02, eta=0.3, batch=32, epochs=4):
    N, d = X.shape
    K = labels.max() + 1
    g = np.random.default_rng(17)
    theta = dict(A=g.normal(0, 0.3, (hidden, d)), a=np.zeros(hidden),
                 B=g.normal(0, 0.3, (K, hidden)), c=np.zeros(K))

    def probabilities(x):
        u = x @ theta['A'].T + theta['a']
        h = u.clip(min=0)
        o = h @ theta['B'].T + theta['c']
        q = np.exp(o - np.logaddexp.reduce(o, axis=1, keepdims=True))
        return u, h, q

    def jacobian_vector(q, v):
        # (diag(q) - q q^T) v, sample by sample
        return q * v - q * (q * v).sum(axis=1, keepdims=True)

    def gradients(x, t):
        u, h, q = probabilities(x)
        dq = np.zeros_like(q)
        rows = np.arange(len(t))
        dq[rows, t] = -1.0 / q[rows, t] / len(t)
        do = jacobian_vector(q, dq)
        dB = np.einsum('nk,nh->kh', do, h) + 2 * lam * theta['B']
        dh = np.einsum('nk,kh->nh', do, theta['B'])
        du = np.heaviside(u, 0.0) * dh
        dA = np.einsum('nh,nd->hd', du, x) + 2 * lam * theta['A']
        return dict(A=dA, a=du.sum(0), B=dB, c=do.sum(0))

    for epoch in range(epochs):
        for part in np.array_split(g.permutation(N), N // batch):
            grads = gradients(X[part], labels[part])
            for name in theta:
                theta[name] = theta[name] - eta * grads[name]
    return probabilities


if __name__ == '__main__':
    r = np.random.default_rng(5)
    mu = r.normal(size=(3, 9))
    lab = r.integers(0, 3, 640)
    pts = mu[lab] + r.normal(size=(640, 9))
    model = train(pts[:512], lab[:512])
    print('test accuracy', (model(pts[512:])[2].argmax(1) == lab[512:]).mean())
