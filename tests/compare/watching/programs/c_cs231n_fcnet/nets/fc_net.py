import numpy as np
from nets.layers import *


class FullyConnectedNet(object):

    def __init__(self, hidden_dims, input_dim=3 * 32 * 32, num_classes=10, reg=0.0, weight_scale=1e-2, seed=None):
        self.num_layers = 1 + len(hidden_dims)
        self.reg = reg
        self.params = {}
        rng = np.random.RandomState(seed)
        dims = [input_dim] + list(hidden_dims) + [num_classes]
        for i in range(self.num_layers):
            self.params['W%d' % (i + 1)] = weight_scale * rng.randn(dims[i], dims[i + 1])
            self.params['b%d' % (i + 1)] = np.zeros(dims[i + 1])
            if i < self.num_layers - 1:
                self.params['gamma%d' % (i + 1)] = np.ones(dims[i + 1])
                self.params['beta%d' % (i + 1)] = np.zeros(dims[i + 1])
        self.bn_params = [{'mode': 'train'} for i in range(self.num_layers - 1)]

    def loss(self, X, y=None):
        mode = 'test' if y is None else 'train'
        for bn_param in self.bn_params:
            bn_param['mode'] = mode
        caches = []
        out = X
        for i in range(1, self.num_layers):
            out, fc_cache = affine_forward(out, self.params['W%d' % i], self.params['b%d' % i])
            out, bn_cache = batchnorm_forward(out, self.params['gamma%d' % i], self.params['beta%d' % i], self.bn_params[i - 1])
            out, relu_cache = relu_forward(out)
            caches.append((fc_cache, bn_cache, relu_cache))
        L = self.num_layers
        scores, fc_cache = affine_forward(out, self.params['W%d' % L], self.params['b%d' % L])
        if mode == 'test':
            return scores
        loss, grads = 0.0, {}
        loss, dscores = softmax_loss(scores, y)
        dout, dw, db = affine_backward(dscores, fc_cache)
        loss += 0.5 * self.reg * np.sum(self.params['W%d' % L] ** 2)
        grads['W%d' % L] = dw + self.reg * self.params['W%d' % L]
        grads['b%d' % L] = db
        for i in range(L - 1, 0, -1):
            fc_cache, bn_cache, relu_cache = caches[i - 1]
            dout = relu_backward(dout, relu_cache)
            dout, dgamma, dbeta = batchnorm_backward(dout, bn_cache)
            dout, dw, db = affine_backward(dout, fc_cache)
            loss += 0.5 * self.reg * np.sum(self.params['W%d' % i] ** 2)
            grads['W%d' % i] = dw + self.reg * self.params['W%d' % i]
            grads['b%d' % i] = db
            grads['gamma%d' % i] = dgamma
            grads['beta%d' % i] = dbeta
        return loss, grads
