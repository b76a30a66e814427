# DD2424 Assignment 2
import pickle

import matplotlib.pyplot as plt
import numpy as np

np.random.seed(400)


def LoadBatch(filename):
    with open('Datasets/cifar-10-batches-py/' + filename, 'rb') as fo:
        dict = pickle.load(fo, encoding='bytes')
    X = dict[b'data'].T.astype(float) / 255
    y = np.array(dict[b'labels'])
    Y = np.zeros((10, X.shape[1]))
    Y[y, np.arange(X.shape[1])] = 1
    return X, Y, y


def InitParams(d, m, K):
    W1 = np.random.normal(0, 1 / np.sqrt(d), (m, d))
    W2 = np.random.normal(0, 1 / np.sqrt(m), (K, m))
    b1 = np.zeros((m, 1))
    b2 = np.zeros((K, 1))
    return [W1, W2], [b1, b2]


def softmax(s):
    return np.exp(s) / np.sum(np.exp(s), axis=0)


def EvaluateClassifier(X, W, b):
    s1 = np.dot(W[0], X) + b[0]
    h = np.maximum(0, s1)
    s = np.dot(W[1], h) + b[1]
    P = softmax(s)
    return P, h


def ComputeCost(X, Y, W, b, lamda):
    P, _ = EvaluateClassifier(X, W, b)
    loss = np.sum(-np.log(np.sum(Y * P, axis=0))) / X.shape[1]
    reg = lamda * (np.sum(W[0] ** 2) + np.sum(W[1] ** 2))
    return loss + reg, loss


def ComputeAccuracy(X, y, W, b):
    P, _ = EvaluateClassifier(X, W, b)
    return np.mean(np.argmax(P, axis=0) == y)


def ComputeGradients(X, Y, P, h, W, lamda):
    n = X.shape[1]
    G = -(Y - P)
    grad_W2 = np.dot(G, h.T) / n + 2 * lamda * W[1]
    grad_b2 = np.sum(G, axis=1, keepdims=True) / n
    G = np.dot(W[1].T, G)
    G = G * (h > 0)
    grad_W1 = np.dot(G, X.T) / n + 2 * lamda * W[0]
    grad_b1 = np.sum(G, axis=1, keepdims=True) / n
    return [grad_W1, grad_W2], [grad_b1, grad_b2]


def ComputeGradsNum(X, Y, W, b, lamda, h=1e-5):
    grads_W = [np.zeros(w.shape) for w in W]
    for l in range(len(W)):
        for i in np.ndindex(W[l].shape):
            old = W[l][i]
            W[l][i] = old - h
            c1, _ = ComputeCost(X, Y, W, b, lamda)
            W[l][i] = old + h
            c2, _ = ComputeCost(X, Y, W, b, lamda)
            W[l][i] = old
            grads_W[l][i] = (c2 - c1) / (2 * h)
    return grads_W


def CyclicalLearningRate(t, eta_min, eta_max, n_s):
    l = np.floor(t / (2 * n_s))
    if t < (2 * l + 1) * n_s:
        return eta_min + (t - 2 * l * n_s) / n_s * (eta_max - eta_min)
    return eta_max - (t - (2 * l + 1) * n_s) / n_s * (eta_max - eta_min)


def MiniBatchGD(X, Y, y, X_val, Y_val, y_val, W, b, lamda, n_batch, n_s, n_epochs):
    n = X.shape[1]
    costs, costs_val, etas = [], [], []
    t = 0
    for epoch in range(n_epochs):
        perm = np.random.permutation(n)
        for j in range(n // n_batch):
            inds = perm[j * n_batch:(j + 1) * n_batch]
            Xbatch = X[:, inds]
            Ybatch = Y[:, inds]
            P, h = EvaluateClassifier(Xbatch, W, b)
            grad_W, grad_b = ComputeGradients(Xbatch, Ybatch, P, h, W, lamda)
            eta = CyclicalLearningRate(t, 1e-5, 1e-1, n_s)
            for l in range(2):
                W[l] = W[l] - eta * grad_W[l]
                b[l] = b[l] - eta * grad_b[l]
            etas.append(eta)
            t += 1
        cost, loss = ComputeCost(X, Y, W, b, lamda)
        cost_val, loss_val = ComputeCost(X_val, Y_val, W, b, lamda)
        costs.append(cost)
        costs_val.append(cost_val)
        print('epoch', epoch, 'cost', cost, 'val cost', cost_val,
              'acc', ComputeAccuracy(X, y, W, b), 'val acc', ComputeAccuracy(X_val, y_val, W, b))
    return W, b, costs, costs_val, etas


X_train, Y_train, y_train = LoadBatch('data_batch_1')
X_val, Y_val, y_val = LoadBatch('data_batch_2')
X_test, Y_test, y_test = LoadBatch('test_batch')
mean_X = np.mean(X_train, axis=1, keepdims=True)
std_X = np.std(X_train, axis=1, keepdims=True)
X_train = (X_train - mean_X) / std_X
X_val = (X_val - mean_X) / std_X
X_test = (X_test - mean_X) / std_X

# check gradients, 10 dimensions and 5 images
Ws, bs = InitParams(10, 6, 10)
Ps, hs = EvaluateClassifier(X_train[:10, :5], Ws, bs)
ga, _ = ComputeGradients(X_train[:10, :5], Y_train[:, :5], Ps, hs, Ws, 0.1)
gn = ComputeGradsNum(X_train[:10, :5], Y_train[:, :5], Ws, bs, 0.1)
for l in range(2):
    print('max diff W', l + 1, np.max(np.abs(ga[l] - gn[l])))

W, b = InitParams(3072, 50, 10)
W, b, costs, costs_val, etas = MiniBatchGD(X_train, Y_train, y_train, X_val, Y_val, y_val, W, b,
                                           lamda=0.01, n_batch=100, n_s=200, n_epochs=4)
print('test accuracy', ComputeAccuracy(X_test, y_test, W, b))

plt.plot(costs, label='training cost')
plt.plot(costs_val, label='validation cost')
plt.legend()
plt.show()
