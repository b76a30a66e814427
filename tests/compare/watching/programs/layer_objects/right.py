# Red neuronal modular: cada capa sabe ir hacia adelante, hacia atrás y actualizarse
import os
import pickle
import numpy as np

DIR = os.path.join(os.path.expanduser('~'), 'datasets', 'cifar-10-batches-py')


class Capa:
    def forward(self, x):
        raise NotImplementedError

    def backward(self, g):
        raise NotImplementedError

    def update(self, lr):
        pass

    def penalizacion(self):
        return 0.0


class Lineal(Capa):
    def __init__(self, n_in, n_out, lam, rho):
        self.W = np.random.randn(n_out, n_in) * np.sqrt(2.0 / n_in)
        self.b = np.zeros((n_out, 1))
        self.dW = np.zeros_like(self.W)
        self.db = np.zeros_like(self.b)
        self.vW = np.zeros_like(self.W)
        self.vb = np.zeros_like(self.b)
        self.lam = lam
        self.rho = rho

    def forward(self, x):
        self.x = x
        return np.matmul(self.W, x) + self.b

    def backward(self, g):
        self.dW = np.matmul(g, self.x.T) + self.lam * self.W
        self.db = np.sum(g, axis=1, keepdims=True)
        return np.matmul(self.W.T, g)

    def update(self, lr):
        self.vW = self.rho * self.vW + self.dW
        self.vb = self.rho * self.vb + self.db
        self.W = self.W - lr * self.vW
        self.b = self.b - lr * self.vb

    def penalizacion(self):
        return 0.5 * self.lam * np.sum(self.W * self.W)


class Relu(Capa):
    def forward(self, x):
        self.activa = x > 0
        return x * self.activa

    def backward(self, g):
        return g * self.activa


class SoftmaxEntropia:
    def forward(self, x, y):
        self.y = y
        z = x - np.amax(x, axis=0)
        self.p = np.exp(z)
        self.p /= self.p.sum(axis=0)
        return -np.log(self.p[y, np.arange(y.shape[0])]).mean()

    def backward(self):
        n = self.y.shape[0]
        g = self.p.copy()
        g[self.y, np.arange(n)] -= 1.0
        return g / n


class Red:
    def __init__(self, tam, lam=5e-3, rho=0.9):
        self.capas = []
        for i in range(len(tam) - 1):
            self.capas.append(Lineal(tam[i], tam[i + 1], lam, rho))
            if i < len(tam) - 2:
                self.capas.append(Relu())
        self.perdida = SoftmaxEntropia()

    def forward(self, x):
        for capa in self.capas:
            x = capa.forward(x)
        return x

    def backward(self):
        g = self.perdida.backward()
        for capa in reversed(self.capas):
            g = capa.backward(g)

    def update(self, lr):
        for capa in self.capas:
            capa.update(lr)

    def coste(self, x, y):
        L = self.perdida.forward(self.forward(x), y)
        return L + sum(capa.penalizacion() for capa in self.capas)

    def acierto(self, x, y):
        return np.mean(np.argmax(self.forward(x), axis=0) == y)


def leer(nombre):
    with open(os.path.join(DIR, nombre), 'rb') as f:
        d = pickle.load(f, encoding='bytes')
    return (d[b'data'] / 255.0).T, np.array(d[b'labels'])


def main():
    np.random.seed(123)
    x, y = leer('data_batch_3')
    xv, yv = leer('data_batch_4')
    xv, yv = xv[:, :1000], yv[:1000]
    xt, yt = leer('test_batch')
    media, desv = x.mean(axis=1)[:, None], x.std(axis=1)[:, None]
    x = (x - media) / desv
    xv = (xv - media) / desv
    xt = (xt - media) / desv

    red = Red([x.shape[0], 50, 30, 10])
    lote = 100
    paso = 0
    ns = 2 * x.shape[1] // lote
    for epoca in range(4):
        idx = np.random.permutation(x.shape[1])
        for i in range(0, x.shape[1], lote):
            xb, yb = x[:, idx[i:i + lote]], y[idx[i:i + lote]]
            red.perdida.forward(red.forward(xb), yb)
            red.backward()
            ciclo, resto = divmod(paso, 2 * ns)
            lr = 1e-5 + (1e-2 - 1e-5) * (resto / ns if resto < ns else 2 - resto / ns)
            red.update(lr)
            paso += 1
        print('época', epoca, 'coste', red.coste(xv, yv), 'acierto val', red.acierto(xv, yv))
    print('acierto test', red.acierto(xt, yt))


main()
