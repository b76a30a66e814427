"""Everything is a function that returns functions. Columns are samples."""
import numpy as np


def experiment(seed=42):
    rand = np.random.RandomState(seed)

    def toy(n, k=3, d=5):
        means = 2.2 * rand.randn(d, k)
        y = rand.randint(k, size=n)
        X = means[:, y] + 1.6 * rand.randn(d, n)
        return X, np.eye(k)[:, y]

    relu = (lambda z: z * (z > 0), lambda z: (z > 0) * 1.0)
    linear = (lambda z: z, lambda z: np.ones_like(z))

    def softmax(z):
        z = z - z.max(0)
        return (lambda e: e / e.sum(0))(np.exp(z))

    def network(sizes, lam):
        acts = [relu] * (len(sizes) - 2) + [linear]
        W = [rand.randn(m, n) * np.sqrt(2 / n) for n, m in zip(sizes, sizes[1:])]
        b = [np.zeros((m, 1)) for m in sizes[1:]]

        def run(X):
            zs, hs = [], [X]
            for w, bias, (f, _) in zip(W, b, acts):
                z = w @ hs[-1] + bias
                zs.append(z)
                hs.append(f(z))
            return zs, hs

        def cost(X, Y):
            p = softmax(run(X)[1][-1])
            return -(Y * np.log(p)).sum() / X.shape[1] + lam * sum((w ** 2).sum() for w in W)

        def gradients(X, Y):
            n = X.shape[1]
            zs, hs = run(X)
            delta = (softmax(hs[-1]) - Y) / n
            out = []
            for l in range(len(W) - 1, -1, -1):
                delta = delta * acts[l][1](zs[l])
                dw = delta @ hs[l].T + 2 * lam * W[l]
                db = delta.sum(1, keepdims=True)
                out.insert(0, (dw, db))
                delta = W[l].T @ delta
            return out

        def train(X, Y, rate, batch, epochs, report):
            def update(grads):
                for l, (dw, db) in enumerate(grads):
                    W[l] = W[l] - rate * dw
                    b[l] = b[l] - rate * db

            for e in range(epochs):
                order = rand.permutation(X.shape[1])
                for part in np.array_split(order, X.shape[1] // batch):
                    update(gradients(X[:, part], Y[:, part]))
                report(e)

        def accuracy(X, Y):
            return (run(X)[1][-1].argmax(0) == Y.argmax(0)).mean()

        def check(X, Y, h=1e-6):
            g = gradients(X, Y)
            worst = 0
            for arrays, which in ((W, 0), (b, 1)):
                for l, a in enumerate(arrays):
                    for i in np.ndindex(a.shape):
                        keep = a[i]
                        a[i] = keep + h
                        up = cost(X, Y)
                        a[i] = keep - h
                        down = cost(X, Y)
                        a[i] = keep
                        worst = max(worst, abs((up - down) / (2 * h) - g[l][which][i]))
            return worst

        return train, cost, accuracy, check

    def go():
        X, Y = toy(800)
        m, s = X[:, :600].mean(1, keepdims=True), X[:, :600].std(1, keepdims=True)
        X = (X - m) / s
        Xtr, Ytr, Xte, Yte = X[:, :600], Y[:, :600], X[:, 600:], Y[:, 600:]

        _, _, _, check = network([5, 4, 3, 3], 0.1)
        print('gradient check, worst difference:', check(Xtr[:, :4], Ytr[:, :4]))

        train, cost, accuracy, _ = network([5, 30, 20, 3], 1e-3)

        def report(e):
            if e % 5 == 0:
                print(e, 'cost', cost(Xtr, Ytr), 'test accuracy', accuracy(Xte, Yte))

        train(Xtr, Ytr, 0.1, 60, 21, report)

    return go


experiment()()
