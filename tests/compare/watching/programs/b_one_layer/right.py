# DD2424 Assignment 1 - one layer softmax classifier
import pickle
import numpy as np
import matplotlib.pyplot as plt


def LoadBatch(filename, n=10000):
    """ X: d x n in [0, 1], Y: one-hot K x n, y: n """
    with open('Datasets/cifar-10-batches-py/' + filename, 'rb') as fo:
        dict = pickle.load(fo, encoding='bytes')
    X = dict[b'data'][:n].T / 255
    y = np.array(dict[b'labels'][:n])
    Y = np.zeros((10, X.shape[1]))
    Y[y, np.arange(X.shape[1])] = 1
    return X, Y, y


def Softmax(s):
    e = np.exp(s - np.max(s, axis=0))
    return e / np.sum(e, axis=0)


def EvaluateClassifier(X, W, b):
    s = W @ X + b
    P = Softmax(s)
    return P


def ComputeCost(X, Y, W, b, lam):
    P = EvaluateClassifier(X, W, b)
    l_cross = -np.log(np.sum(Y * P, axis=0))
    loss = np.mean(l_cross)
    J = loss + lam * np.sum(W ** 2)
    return J, loss


def ComputeAccuracy(X, y, W, b):
    k_star = np.argmax(EvaluateClassifier(X, W, b), axis=0)
    return np.mean(k_star == y)


def ComputeGradients(X, Y, P, W, lam):
    nb = X.shape[1]
    G = -(Y - P)
    grad_W = G @ X.T / nb + 2 * lam * W
    grad_b = G @ np.ones((nb, 1)) / nb
    return grad_W, grad_b


def ComputeGradsNum(X, Y, W, b, lam, h):
    grad_W, grad_b = np.zeros(W.shape), np.zeros(b.shape)
    for i in range(b.shape[0]):
        b_try = np.array(b)
        b_try[i, 0] += h
        c2, _ = ComputeCost(X, Y, W, b_try, lam)
        b_try[i, 0] -= 2 * h
        c1, _ = ComputeCost(X, Y, W, b_try, lam)
        grad_b[i, 0] = (c2 - c1) / (2 * h)
    for i in range(W.shape[0]):
        for j in range(W.shape[1]):
            W_try = np.array(W)
            W_try[i, j] += h
            c2, _ = ComputeCost(X, Y, W_try, b, lam)
            W_try[i, j] -= 2 * h
            c1, _ = ComputeCost(X, Y, W_try, b, lam)
            grad_W[i, j] = (c2 - c1) / (2 * h)
    return grad_W, grad_b


def MiniBatchGD(X, Y, y, Xv, Yv, yv, GDparams, W, b, lam):
    n_batch, eta, n_epochs = GDparams
    n = X.shape[1]
    J_train, J_val = [], []
    for epoch in range(n_epochs):
        perm = np.random.permutation(n)
        for j in range(n // n_batch):
            inds = perm[j * n_batch:(j + 1) * n_batch]
            Xb = X[:, inds]
            Yb = Y[:, inds]
            P = EvaluateClassifier(Xb, W, b)
            grad_W, grad_b = ComputeGradients(Xb, Yb, P, W, lam)
            W = W - eta * grad_W
            b = b - eta * grad_b
        Jt, _ = ComputeCost(X, Y, W, b, lam)
        Jv, _ = ComputeCost(Xv, Yv, W, b, lam)
        J_train.append(Jt)
        J_val.append(Jv)
        print('Epoch', epoch + 1, 'cost', round(Jt, 4), 'val cost', round(Jv, 4),
              'val acc', ComputeAccuracy(Xv, yv, W, b))
    return W, b, J_train, J_val


np.random.seed(400)
trainX, trainY, trainy = LoadBatch('data_batch_1')
valX, valY, valy = LoadBatch('data_batch_2', 2000)
testX, testY, testy = LoadBatch('test_batch', 2000)

mean_X = np.mean(trainX, axis=1, keepdims=True)
std_X = np.std(trainX, axis=1, keepdims=True)
trainX = (trainX - mean_X) / std_X
valX = (valX - mean_X) / std_X
testX = (testX - mean_X) / std_X

K, d = 10, trainX.shape[0]
W = 0.01 * np.random.randn(K, d)
b = 0.01 * np.random.randn(K, 1)
lam = 0.1

# gradient check on 20 dimensions
Wr = W[:, :20]
P = EvaluateClassifier(trainX[:20, :7], Wr, b)
gW, gb = ComputeGradients(trainX[:20, :7], trainY[:, :7], P, Wr, lam)
nW, nb_ = ComputeGradsNum(trainX[:20, :7], trainY[:, :7], Wr, b, lam, 1e-6)
print('max diff W', np.max(np.abs(gW - nW)), ' b', np.max(np.abs(gb - nb_)))

GDparams = (100, 0.001, 8)
W, b, J_train, J_val = MiniBatchGD(trainX, trainY, trainy, valX, valY, valy, GDparams, W, b, lam)
print('Test accuracy:', ComputeAccuracy(testX, testy, W, b))

plt.figure()
plt.plot(J_train, 'g', label='training')
plt.plot(J_val, 'r', label='validation')
plt.legend()
plt.figure(figsize=(10, 3))
for i in range(K):
    im = W[i].reshape(3, 32, 32).transpose(1, 2, 0)
    im = (im - im.min()) / (im.max() - im.min())
    plt.subplot(2, 5, i + 1)
    plt.imshow(im)
    plt.axis('off')
plt.show()
