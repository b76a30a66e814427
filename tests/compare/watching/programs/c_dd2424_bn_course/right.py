import pickle
import numpy as np

PATH = "./cifar-10-batches-py/"
k = 10
layers = [50, 30, k]
lam = 0.005
eps = 1e-12
alpha = 0.9


def ReadData(name):
    with open(PATH + name, 'rb') as file:
        data = pickle.load(file, encoding='bytes')
    X = (np.array(data[b'data'], dtype=float)).T
    y = np.array(data[b'labels'])
    Y = np.zeros((k, X.shape[1]))
    for i in range(X.shape[1]):
        Y[y[i]][i] = 1
    return X, Y, y


def InitParams(d):
    W, b, gamma, beta = list(), list(), list(), list()
    prev = d
    for m in layers:
        W.append(np.random.normal(0, np.sqrt(2 / prev), (m, prev)))
        b.append(np.zeros((m, 1)))
        if m != k:
            gamma.append(np.ones((m, 1)))
            beta.append(np.zeros((m, 1)))
        prev = m
    return W, b, gamma, beta


def BatchNormalize(s, mu, v):
    return np.dot(np.diag(1 / np.sqrt(v[:, 0] + eps)), s - mu)


def Forward(X, W, b, gamma, beta, mus=None, vs=None):
    x, S, S_hat, mu_list, v_list = [X], [], [], [], []
    for l in range(len(layers) - 1):
        s = np.dot(W[l], x[l]) + b[l]
        if mus is None:
            mu = np.mean(s, axis=1, keepdims=True)
            v = np.var(s, axis=1, keepdims=True)
        else:
            mu, v = mus[l], vs[l]
        s_hat = BatchNormalize(s, mu, v)
        s_tilde = np.multiply(gamma[l], s_hat) + beta[l]
        x.append(np.maximum(0, s_tilde))
        S.append(s)
        S_hat.append(s_hat)
        mu_list.append(mu)
        v_list.append(v)
    scores = np.dot(W[-1], x[-1]) + b[-1]
    e = np.exp(scores)
    P = e / np.dot(np.ones((1, k)), e)
    return P, x, S, S_hat, mu_list, v_list


def ComputeCost(P, Y, W):
    loss = -np.sum(np.log(np.sum(Y * P, axis=0))) / P.shape[1]
    return loss + lam * sum(np.sum(w * w) for w in W)


def BatchNormBackPass(G, S, mu, v):
    n = S.shape[1]
    one = np.ones((n, 1))
    sigma1 = np.power(v + eps, -0.5)
    sigma2 = np.power(v + eps, -1.5)
    G1 = np.multiply(G, np.dot(sigma1, one.T))
    G2 = np.multiply(G, np.dot(sigma2, one.T))
    D = S - np.dot(mu, one.T)
    c = np.dot(np.multiply(G2, D), one)
    return G1 - np.dot(np.dot(G1, one), one.T) / n - np.multiply(D, np.dot(c, one.T)) / n


def ComputeGradients(X, Y, P, x, S, S_hat, mu, v, W, gamma):
    n = X.shape[1]
    one = np.ones((n, 1))
    grad_W, grad_b, grad_gamma, grad_beta = [None] * 3, [None] * 3, [None] * 2, [None] * 2
    G = -(Y - P)
    grad_W[-1] = np.dot(G, x[-1].T) / n + 2 * lam * W[-1]
    grad_b[-1] = np.dot(G, one) / n
    G = np.dot(W[-1].T, G)
    G = np.multiply(G, x[-1] > 0)
    for l in range(len(layers) - 2, -1, -1):
        grad_gamma[l] = np.dot(np.multiply(G, S_hat[l]), one) / n
        grad_beta[l] = np.dot(G, one) / n
        G = np.multiply(G, np.dot(gamma[l], one.T))
        G = BatchNormBackPass(G, S[l], mu[l], v[l])
        grad_W[l] = np.dot(G, x[l].T) / n + 2 * lam * W[l]
        grad_b[l] = np.dot(G, one) / n
        if l > 0:
            G = np.dot(W[l].T, G)
            G = np.multiply(G, x[l] > 0)
    return grad_W, grad_b, grad_gamma, grad_beta


def Train(X, Y, XVal, YVal, n_batch=100, n_epochs=2, eta=0.02):
    W, b, gamma, beta = InitParams(X.shape[0])
    mu_av, v_av = None, None
    for epoch in range(n_epochs):
        order = np.random.permutation(X.shape[1])
        X, Y = X[:, order], Y[:, order]
        for j in range(int(X.shape[1] / n_batch)):
            Xb = X[:, j * n_batch:(j + 1) * n_batch]
            Yb = Y[:, j * n_batch:(j + 1) * n_batch]
            P, x, S, S_hat, mu, v = Forward(Xb, W, b, gamma, beta)
            if mu_av is None:
                mu_av, v_av = mu, v
            else:
                mu_av = [alpha * mu_av[l] + (1 - alpha) * mu[l] for l in range(len(mu))]
                v_av = [alpha * v_av[l] + (1 - alpha) * v[l] for l in range(len(v))]
            gW, gb, gg, gbe = ComputeGradients(Xb, Yb, P, x, S, S_hat, mu, v, W, gamma)
            for l in range(len(layers)):
                W[l] = W[l] - eta * gW[l]
                b[l] = b[l] - eta * gb[l]
            for l in range(len(layers) - 1):
                gamma[l] = gamma[l] - eta * gg[l]
                beta[l] = beta[l] - eta * gbe[l]
        P = Forward(XVal, W, b, gamma, beta, mu_av, v_av)[0]
        print(epoch, ComputeCost(P, YVal, W), np.mean(np.argmax(P, axis=0) == np.argmax(YVal, axis=0)))
    return W, b, gamma, beta, mu_av, v_av


np.random.seed(7)
X, Y, y = ReadData("data_batch_1")
XTest, YTest, yTest = ReadData("test_batch")
m_X = np.mean(X, axis=1, keepdims=True)
s_X = np.std(X, axis=1, keepdims=True)
X = (X - m_X) / s_X
XTest = (XTest - m_X) / s_X
X, XVal = X[:, :9000], X[:, 9000:]
Y, YVal = Y[:, :9000], Y[:, 9000:]
Train(X, Y, XVal, YVal)
