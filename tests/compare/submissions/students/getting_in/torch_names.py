"""A right module of one hidden layer whose arguments have other usual names."""

import torch


class MLP(torch.nn.Module):
    def __init__(self, in_channel, hidden, out_channel):
        super().__init__()
        self.net = torch.nn.Sequential(
            torch.nn.Linear(in_channel, hidden),
            torch.nn.BatchNorm1d(hidden),
            torch.nn.ReLU(),
            torch.nn.Linear(hidden, out_channel),
        )

    def forward(self, x):
        return self.net(x)
