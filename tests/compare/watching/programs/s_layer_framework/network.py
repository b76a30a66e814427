from __future__ import annotations

import numpy as np

from layers import Layer


class Network:
    def __init__(self, layers: list[Layer], loss):
        self.layers = layers
        self.loss = loss

    def predict(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def train_step(self, x, y, optimizer) -> float:
        value = self.loss.forward(self.predict(x), y)
        grad = self.loss.backward()
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        optimizer.step(self.layers)
        return value


class MomentumSGD:
    def __init__(self, lr: float = 0.5, momentum: float = 0.9):
        self.lr = lr
        self.momentum = momentum
        self.velocity: dict[tuple[int, str], np.ndarray] = {}

    def step(self, layers: list[Layer]) -> None:
        for i, layer in enumerate(layers):
            for name, p in layer.params.items():
                v = self.velocity.get((i, name), np.zeros_like(p))
                v = self.momentum * v - self.lr * layer.grads[name]
                self.velocity[(i, name)] = v
                p += v
