"""
DD2424 Assignment 3: k-layer network with batch normalization
"""
import sys
import pickle
import numpy as np
import matplotlib.pyplot as plt

eps = np.finfo(float).eps
PATH = 'C:\\Users\\emil\\Documents\\KTH\\DD2424\\Assignment3\\Datasets\\cifar-10-batches-py\\'


def load_batch(name):
    with open(PATH + name, 'rb') as f:
        data = pickle.load(f, encoding='bytes')
    X = data[b'data'].transpose() / 255.0
    y = np.array(data[b'labels'])
    Y = (np.arange(10).reshape(10, 1) == y).astype(float)
    return X, Y, y


def init_net(layers, sigma=None):
    np.random.seed(42)
    net = {'W': [], 'b': [], 'gamma': [], 'beta': []}
    for i in range(1, len(layers)):
        s = sigma if sigma is not None else np.sqrt(2 / layers[i - 1])
        net['W'].append(s * np.random.randn(layers[i], layers[i - 1]))
        net['b'].append(np.zeros((layers[i], 1)))
        if i < len(layers) - 1:
            net['gamma'].append(np.ones((layers[i], 1)))
            net['beta'].append(np.zeros((layers[i], 1)))
    return net


def batch_normalize(S, mu, v):
    return (S - mu) / np.sqrt(v + eps)


def forward_pass(X, net, mus_av=None, vs_av=None):
    k = len(net['W'])
    Xs = [X]
    S = []
    S_hat = []
    mus = []
    vs = []
    for l in range(k - 1):
        s = net['W'][l] @ Xs[l] + net['b'][l]
        if mus_av is None:
            mu = np.mean(s, axis=1, keepdims=True)
            v = np.var(s, axis=1, keepdims=True)
        else:
            mu, v = mus_av[l], vs_av[l]
        s_hat = batch_normalize(s, mu, v)
        s_tilde = net['gamma'][l] * s_hat + net['beta'][l]
        S.append(s)
        S_hat.append(s_hat)
        mus.append(mu)
        vs.append(v)
        Xs.append(np.maximum(0, s_tilde))
    s = net['W'][k - 1] @ Xs[k - 1] + net['b'][k - 1]
    P = np.exp(s) / np.sum(np.exp(s), axis=0)
    return P, S, S_hat, mus, vs, Xs


def batch_norm_back_pass(G, S, mu, v):
    n = G.shape[1]
    sigma1 = (v + eps) ** (-0.5)
    sigma2 = (v + eps) ** (-1.5)
    G1 = G * sigma1
    G2 = G * sigma2
    D = S - mu
    c = np.sum(G2 * D, axis=1, keepdims=True)
    G_new = G1 - np.sum(G1, axis=1, keepdims=True) / n - D * c / n
    return G_new


def backward_pass(Y, P, S, S_hat, mus, vs, Xs, net, lam):
    k = len(net['W'])
    n = Y.shape[1]
    grads = {'W': [None] * k, 'b': [None] * k, 'gamma': [None] * (k - 1), 'beta': [None] * (k - 1)}
    G = P - Y
    grads['W'][k - 1] = G @ Xs[k - 1].T / n + 2 * lam * net['W'][k - 1]
    grads['b'][k - 1] = np.sum(G, axis=1, keepdims=True) / n
    G = net['W'][k - 1].T @ G
    G = G * (Xs[k - 1] > 0)
    for l in range(k - 2, -1, -1):
        grads['gamma'][l] = np.sum(G * S_hat[l], axis=1, keepdims=True) / n
        grads['beta'][l] = np.sum(G, axis=1, keepdims=True) / n
        G = G * net['gamma'][l]
        G = batch_norm_back_pass(G, S[l], mus[l], vs[l])
        grads['W'][l] = G @ Xs[l].T / n + 2 * lam * net['W'][l]
        grads['b'][l] = np.sum(G, axis=1, keepdims=True) / n
        if l > 0:
            G = net['W'][l].T @ G
            G = G * (Xs[l] > 0)
    return grads


def compute_cost(X, y, net, lam, mus_av=None, vs_av=None):
    P = forward_pass(X, net, mus_av, vs_av)[0]
    loss = -np.mean(np.log(P[y, np.arange(y.size)]))
    return loss + lam * sum(np.sum(W ** 2) for W in net['W']), loss


def compute_accuracy(X, y, net, mus_av, vs_av):
    P = forward_pass(X, net, mus_av, vs_av)[0]
    return np.sum(np.argmax(P, axis=0) == y) / y.size


def check_gradients(X, Y, y, lam):
    net = init_net([X.shape[0], 8, 7, 10], 0.3)
    P, S, S_hat, mus, vs, Xs = forward_pass(X, net)
    grads = backward_pass(Y, P, S, S_hat, mus, vs, Xs, net, lam)
    h = 1e-5
    for key in net:
        for l in range(len(net[key])):
            num = np.zeros_like(net[key][l])
            for idx in np.ndindex(num.shape):
                net[key][l][idx] += h
                c2 = compute_cost(X, y, net, lam)[0]
                net[key][l][idx] -= 2 * h
                c1 = compute_cost(X, y, net, lam)[0]
                net[key][l][idx] += h
                num[idx] = (c2 - c1) / (2 * h)
            print(key, l + 1, np.abs(num - grads[key][l]).max())


def mini_batch_gd(train, val, net, lam, n_batch, eta_min, eta_max, n_s, n_cycles, alpha=0.9):
    X, Y, y = train
    n = X.shape[1]
    hist = {'cost': [], 'cost_val': [], 'acc_val': [], 'eta': []}
    mus_av, vs_av = None, None
    t = 1
    while t <= 2 * n_s * n_cycles:
        p = np.random.permutation(n)
        for j in range(n // n_batch):
            if t > 2 * n_s * n_cycles:
                break
            ind = p[j * n_batch:(j + 1) * n_batch]
            Xb, Yb = X[:, ind], Y[:, ind]
            P, S, S_hat, mus, vs, Xs = forward_pass(Xb, net)
            if mus_av is None:
                mus_av = [m.copy() for m in mus]
                vs_av = [v.copy() for v in vs]
            else:
                for l in range(len(mus)):
                    mus_av[l] = alpha * mus_av[l] + (1 - alpha) * mus[l]
                    vs_av[l] = alpha * vs_av[l] + (1 - alpha) * vs[l]
            grads = backward_pass(Yb, P, S, S_hat, mus, vs, Xs, net, lam)
            l = t // (2 * n_s)
            if 2 * l * n_s <= t <= (2 * l + 1) * n_s:
                eta = eta_min + (t - 2 * l * n_s) * (eta_max - eta_min) / n_s
            else:
                eta = eta_max - (t - (2 * l + 1) * n_s) * (eta_max - eta_min) / n_s
            for key in net:
                for i in range(len(net[key])):
                    net[key][i] = net[key][i] - eta * grads[key][i]
            hist['eta'].append(eta)
            t += 1
        hist['cost'].append(compute_cost(X, y, net, lam, mus_av, vs_av)[0])
        hist['cost_val'].append(compute_cost(val[0], val[2], net, lam, mus_av, vs_av)[0])
        hist['acc_val'].append(compute_accuracy(val[0], val[2], net, mus_av, vs_av))
        print(t, hist['cost'][-1], hist['cost_val'][-1], hist['acc_val'][-1])
        sys.stdout.flush()
    return net, mus_av, vs_av, hist


if __name__ == '__main__':
    train = load_batch('data_batch_1')
    val = load_batch('data_batch_2')
    test = load_batch('test_batch')
    mean = train[0].mean(axis=1, keepdims=True)
    std = train[0].std(axis=1, keepdims=True)
    train = ((train[0] - mean) / std, train[1], train[2])
    val = ((val[0] - mean) / std, val[1], val[2])
    test = ((test[0] - mean) / std, test[1], test[2])

    check_gradients(train[0][:9, :12], train[1][:, :12], train[2][:12], 0.01)

    lam = 0.005
    net = init_net([3072, 50, 50, 10])
    net, mus_av, vs_av, hist = mini_batch_gd(train, val, net, lam, 100, 1e-5, 1e-1, 200, 1)
    print('Test accuracy:', compute_accuracy(test[0], test[2], net, mus_av, vs_av))

    plt.figure()
    plt.plot(hist['cost'], label='training')
    plt.plot(hist['cost_val'], label='validation')
    plt.legend()
    plt.figure()
    plt.plot(hist['eta'])
    plt.show()
