"""Matrices (in, out) in lists of the module itself; its own cost; an object, not a class."""

import torch
from torch import nn


class Classifier(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        pairs = [(sizes[i], sizes[i + 1]) for i in range(len(sizes) - 1)]
        self.W = nn.ParameterList([nn.Parameter(0.1 * torch.randn(a, b)) for a, b in pairs])
        self.b = nn.ParameterList([nn.Parameter(torch.zeros(b)) for _, b in pairs])

    def forward(self, X):
        for W, b in zip(self.W[:-1], self.b[:-1], strict=True):
            X = torch.relu(X @ W + b)
        return X @ self.W[-1] + self.b[-1]

    def cost(self, X, y, lam):
        loss = nn.functional.cross_entropy(self(X), y)
        return loss + lam * sum(W.square().sum() for W in self.W)


model = Classifier([11, 7, 6, 10])
