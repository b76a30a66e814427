import numpy as np
import pickle

DATA = 'C:/Users/me/KTH/dd2424/Datasets/cifar-10-batches-py/'


def unpickle(file):
    with open(file, 'rb') as fo:
        d = pickle.load(fo, encoding='bytes')
    return d


def LoadBatch(name):
    batch = unpickle(DATA + name)
    X = batch[b'data'].T / 255.0
    y = np.array(batch[b'labels'])
    Y = np.zeros((10, X.shape[1]))
    for i, label in enumerate(y):
        Y[label, i] = 1
    return X, Y, y


def EvaluateClassifier(X, W, b):
    s = np.dot(W, X) + b
    P = np.exp(s) / np.sum(np.exp(s), axis=0)
    return P


def ComputeCost(X, Y, W, b, lamda):
    P = EvaluateClassifier(X, W, b)
    l = -np.log(np.sum(Y * P, axis=0))
    J = np.sum(l) / X.shape[1] + lamda * np.sum(W ** 2)
    return J


def ComputeAccuracy(X, y, W, b):
    k = np.argmax(EvaluateClassifier(X, W, b), axis=0)
    return np.mean(k == y)


def ComputeGradients(X, Y, P, W, lamda):
    n = X.shape[1]
    G = -(Y - P)
    grad_W = np.dot(G, X.T) / n + 2 * lamda * W
    grad_b = np.dot(G, np.ones((n, 1))) / n
    return grad_W, grad_b


def MiniBatchGD(X, Y, Xval, Yval, GDparams, W, b, lamda):
    n_batch, eta, n_epochs = GDparams
    n = X.shape[1]
    J_train, J_val = [], []
    for epoch in range(n_epochs):
        for j in range(n // n_batch):
            inds = range(j * n_batch, (j + 1) * n_batch)
            Xbatch = X[:, inds]
            Ybatch = Y[:, inds]
            P = EvaluateClassifier(Xbatch, W, b)
            grad_W, grad_b = ComputeGradients(Xbatch, Ybatch, P, W, lamda)
            W = W - eta * grad_W
            b = b - eta * grad_b
        J_train.append(ComputeCost(X, Y, W, b, lamda))
        J_val.append(ComputeCost(Xval, Yval, W, b, lamda))
        print(epoch, J_train[-1], J_val[-1])
    return W, b


X, Y, y = LoadBatch('data_batch_1')
Xval, Yval, yval = LoadBatch('data_batch_2')
Xtest, Ytest, ytest = LoadBatch('test_batch')
mean_X = np.mean(X, axis=1, keepdims=True)
std_X = np.std(X, axis=1, keepdims=True)
X = (X - mean_X) / std_X
Xval = (Xval - mean_X) / std_X
Xtest = (Xtest - mean_X) / std_X

np.random.seed(400)
W = np.random.randn(10, 3072) * 0.01
b = np.random.randn(10, 1) * 0.01
W, b = MiniBatchGD(X, Y, Xval, Yval, (100, 0.001, 4), W, b, 0.1)
print('test accuracy', ComputeAccuracy(Xtest, ytest, W, b))
