import numpy as np

from .module import Module, Parameter


class Linear(Module):
    def __init__(self, n_in, n_out, rng):
        scale = np.sqrt(2.0 / n_in)
        self.weight = Parameter(rng.standard_normal((n_in, n_out)) * scale, decay=True)
        self.bias = Parameter(np.zeros(n_out))

    def forward(self, x):
        self.input = x
        out = np.empty((x.shape[0], self.weight.data.shape[1]))
        np.matmul(x, self.weight.data, out=out)
        out += self.bias.data
        return out

    def backward(self, dout):
        self.weight.grad += self.input.T @ dout
        self.bias.grad += dout.sum(axis=0)
        return dout @ self.weight.data.T

    def parameters(self):
        return [self.weight, self.bias]
