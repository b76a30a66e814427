"""Everything by hand but the gradients, of sizes that are fixed."""

import torch
import torch.nn.functional as F
from torch import nn


class MyBatchNorm(nn.Module):
    def __init__(self, m):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(m))
        self.beta = nn.Parameter(torch.zeros(m))
        self.eps = 1e-6

    def forward(self, s):
        s = (s - s.mean(0)) / torch.sqrt(s.var(0, unbiased=False) + self.eps)
        return self.gamma * s + self.beta


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(17, 6)
        self.bn1 = MyBatchNorm(6)
        self.fc2 = nn.Linear(6, 5)
        self.bn2 = MyBatchNorm(5)
        self.out = nn.Linear(5, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.fc1(x)))
        x = F.relu(self.bn2(self.fc2(x)))
        return self.out(x)
