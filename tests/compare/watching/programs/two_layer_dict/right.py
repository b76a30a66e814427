from __future__ import print_function

import os
import pickle
import platform

import matplotlib.pyplot as plt
import numpy as np


def load_pickle(f):
    version = platform.python_version_tuple()
    if version[0] == '2':
        return pickle.load(f)
    return pickle.load(f, encoding='latin1')


def load_cifar_file(root, name):
    with open(os.path.join(root, name), 'rb') as f:
        datadict = load_pickle(f)
    images = datadict['data'].reshape(10000, 3, 32, 32).transpose(0, 2, 3, 1).astype('float')
    return images, np.array(datadict['labels'])


def get_data(num_training=9000, num_validation=1000, num_test=1000):
    root = 'cs231n/datasets/cifar-10-batches-py'
    X_train, y_train = load_cifar_file(root, 'data_batch_1')
    X_test, y_test = load_cifar_file(root, 'test_batch')
    X_val = X_train[num_training:num_training + num_validation]
    y_val = y_train[num_training:num_training + num_validation]
    X_train, y_train = X_train[:num_training], y_train[:num_training]
    X_test, y_test = X_test[:num_test], y_test[:num_test]
    X_train = X_train.reshape(num_training, -1)
    X_val = X_val.reshape(num_validation, -1)
    X_test = X_test.reshape(num_test, -1)
    mean_image = np.mean(X_train, axis=0)
    std_image = np.std(X_train, axis=0)
    X_train = (X_train - mean_image) / std_image
    X_val = (X_val - mean_image) / std_image
    X_test = (X_test - mean_image) / std_image
    return X_train, y_train, X_val, y_val, X_test, y_test


class TwoLayerNet(object):

    def __init__(self, input_size, hidden_size, output_size, std=1e-2):
        self.params = {}
        self.params['W1'] = std * np.random.randn(input_size, hidden_size)
        self.params['b1'] = np.zeros(hidden_size)
        self.params['W2'] = std * np.random.randn(hidden_size, output_size)
        self.params['b2'] = np.zeros(output_size)

    def affine_relu(self, x, w, b):
        a = x.dot(w) + b
        out = np.maximum(0, a)
        cache = (x, w, b, a)
        return out, cache

    def affine_relu_backward(self, dout, cache):
        x, w, b, a = cache
        da = np.where(a > 0, dout, 0)
        dw = x.T.dot(da)
        db = np.sum(da, axis=0)
        return dw, db

    def loss(self, X, y=None, reg=0.0):
        W2, b2 = self.params['W2'], self.params['b2']
        N = X.shape[0]
        hidden, cache1 = self.affine_relu(X, self.params['W1'], self.params['b1'])
        scores = hidden.dot(W2) + b2
        if y is None:
            return scores

        shifted = scores - np.max(scores, axis=1).reshape(-1, 1)
        log_probs = shifted - np.log(np.sum(np.exp(shifted), axis=1)).reshape(-1, 1)
        loss = -np.sum(log_probs[range(N), y]) / N
        loss += 0.5 * reg * (np.sum(self.params['W1'] ** 2) + np.sum(W2 ** 2))

        grads = {}
        dscores = np.exp(log_probs)
        dscores[range(N), y] -= 1
        dscores /= N
        grads['W2'] = hidden.T.dot(dscores)
        grads['b2'] = np.sum(dscores, axis=0)
        dhidden = dscores.dot(W2.T)
        grads['W1'], grads['b1'] = self.affine_relu_backward(dhidden, cache1)
        grads['W1'] += reg * self.params['W1']
        grads['W2'] += reg * W2
        return loss, grads

    def train(self, X, y, X_val, y_val, learning_rate=5e-2, learning_rate_decay=0.95, reg=1e-3,
              num_iters=500, batch_size=100, verbose=True):
        num_train = X.shape[0]
        iterations_per_epoch = max(num_train // batch_size, 1)
        loss_history, train_acc_history, val_acc_history = [], [], []
        for it in range(num_iters):
            if it % iterations_per_epoch == 0:
                order = np.random.permutation(num_train)
            lo = (it % iterations_per_epoch) * batch_size
            X_batch = X[order[lo:lo + batch_size]]
            y_batch = y[order[lo:lo + batch_size]]
            loss, grads = self.loss(X_batch, y=y_batch, reg=reg)
            loss_history.append(loss)
            for p in self.params:
                self.params[p] -= learning_rate * grads[p]
            if verbose and it % 50 == 0:
                print('iteration %d / %d: loss %f' % (it, num_iters, loss))
            if (it + 1) % iterations_per_epoch == 0:
                train_acc_history.append((self.predict(X_batch) == y_batch).mean())
                val_acc_history.append((self.predict(X_val) == y_val).mean())
                learning_rate *= learning_rate_decay
        return {'loss_history': loss_history, 'train_acc_history': train_acc_history,
                'val_acc_history': val_acc_history}

    def predict(self, X):
        return np.argmax(self.loss(X), axis=1)


np.random.seed(1)
X_train, y_train, X_val, y_val, X_test, y_test = get_data()
print('Train data shape: ', X_train.shape)
net = TwoLayerNet(32 * 32 * 3, 100, 10)
stats = net.train(X_train, y_train, X_val, y_val)
print('Validation accuracy: ', (net.predict(X_val) == y_val).mean())
print('Test accuracy: ', (net.predict(X_test) == y_test).mean())

plt.subplot(2, 1, 1)
plt.plot(stats['loss_history'])
plt.title('Loss history')
plt.subplot(2, 1, 2)
plt.plot(stats['train_acc_history'], label='train')
plt.plot(stats['val_acc_history'], label='val')
plt.legend()
plt.show()
