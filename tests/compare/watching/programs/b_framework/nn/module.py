import numpy as np


class Parameter:
    """Values with a buffer for their gradient; backward adds into it."""

    def __init__(self, data, decay=False):
        self.data = data
        self.grad = np.zeros_like(data)
        self.decay = decay

    def zero_grad(self):
        self.grad.fill(0)


class Module:
    def parameters(self):
        return []

    def __call__(self, x):
        return self.forward(x)


class Sequential(Module):
    def __init__(self, *modules):
        self.modules = list(modules)

    def forward(self, x):
        for module in self.modules:
            x = module(x)
        return x

    def backward(self, dout):
        for module in reversed(self.modules):
            dout = module.backward(dout)
        return dout

    def parameters(self):
        return [p for module in self.modules for p in module.parameters()]
