from __future__ import print_function
import os
import pickle as pickle
import numpy as np

FLOAT = np.float32


def load_CIFAR10(ROOT, num_train=15000, num_val=1000):
    xs, ys = [], []
    for b in (1, 2):
        with open(os.path.join(ROOT, 'data_batch_%d' % b), 'rb') as f:
            datadict = pickle.load(f, encoding='latin1')
        xs.append(datadict['data'].astype(FLOAT))
        ys.append(np.array(datadict['labels']))
    X, y = np.concatenate(xs), np.concatenate(ys)
    with open(os.path.join(ROOT, 'test_batch'), 'rb') as f:
        datadict = pickle.load(f, encoding='latin1')
    X_test, y_test = datadict['data'].astype(FLOAT), np.array(datadict['labels'])
    X_train, y_train = X[:num_train], y[:num_train]
    X_val, y_val = X[num_train:num_train + num_val], y[num_train:num_train + num_val]
    m, s = X_train.mean(axis=0), X_train.std(axis=0)
    return {
        'X_train': (X_train - m) / s, 'y_train': y_train,
        'X_val': (X_val - m) / s, 'y_val': y_val,
        'X_test': (X_test - m) / s, 'y_test': y_test,
    }


class TwoLayerNet(object):
    """affine - relu - affine - softmax, Nesterov momentum, everything float32"""

    def __init__(self, input_size, hidden_size, output_size, mu=0.9, seed=231):
        rs = np.random.RandomState(seed)
        self.params = {}
        self.params['W1'] = (rs.randn(input_size, hidden_size) * np.sqrt(2. / input_size)).astype(FLOAT)
        self.params['b1'] = np.zeros(hidden_size, dtype=FLOAT)
        self.params['W2'] = (rs.randn(hidden_size, output_size) * np.sqrt(2. / hidden_size)).astype(FLOAT)
        self.params['b2'] = np.zeros(output_size, dtype=FLOAT)
        self.vel = {k: np.zeros_like(p) for k, p in self.params.items()}
        self.mu = FLOAT(mu)

    def scores(self, X):
        hid = np.maximum(X.dot(self.params['W1']) + self.params['b1'], 0)
        return hid, hid.dot(self.params['W2']) + self.params['b2']

    def nesterov(self, name, grad, lr):
        v_prev = self.vel[name]
        v = self.mu * v_prev - lr * grad
        self.params[name] += -self.mu * v_prev + (1 + self.mu) * v
        self.vel[name] = v

    def train_step(self, X, y, reg, lr):
        N = X.shape[0]
        lr = FLOAT(lr)
        reg = FLOAT(reg)

        hid, scr = self.scores(X)
        scr = scr - scr.max(axis=1, keepdims=True)
        probs = np.exp(scr)
        probs /= probs.sum(axis=1, keepdims=True)
        loss = -np.log(probs[np.arange(N), y]).mean()
        loss += 0.5 * reg * (np.sum(self.params['W1'] ** 2) + np.sum(self.params['W2'] ** 2))

        dscores = probs.copy()
        dscores[np.arange(N), y] -= 1
        dscores /= N
        dW2 = hid.T.dot(dscores) + reg * self.params['W2']
        db2 = dscores.sum(axis=0)
        dhid = dscores.dot(self.params['W2'].T)
        self.nesterov('W2', dW2, lr)
        self.nesterov('b2', db2, lr)
        dhid[hid <= 0] = 0
        dW1 = X.T.dot(dhid) + reg * self.params['W1']
        db1 = dhid.sum(axis=0)
        self.nesterov('W1', dW1, lr)
        self.nesterov('b1', db1, lr)
        return loss

    def predict(self, X):
        return self.scores(X)[1].argmax(axis=1)


if __name__ == '__main__':
    data = load_CIFAR10('cs231n/datasets/cifar-10-batches-py')
    for k, v in data.items():
        print(k, v.shape)
    net = TwoLayerNet(3072, 50, 10)
    np.random.seed(0)
    lr, lr_decay, reg, bs = 5e-3, 0.95, 0.05, 100
    N = data['X_train'].shape[0]
    for epoch in range(4):
        perm = np.random.permutation(N)
        losses = []
        for it in range(N // bs):
            ix = perm[it * bs:(it + 1) * bs]
            losses.append(net.train_step(data['X_train'][ix], data['y_train'][ix], reg, lr))
        lr *= lr_decay
        val = (net.predict(data['X_val']) == data['y_val']).mean()
        print('epoch %d: loss %f  val_acc %f' % (epoch, np.mean(losses), val))
    print('Test accuracy: ', (net.predict(data['X_test']) == data['y_test']).mean())
