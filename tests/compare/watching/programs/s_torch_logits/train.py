import math

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

from model import MoonNet


def make_moons(n=400, noise=0.12):
    t = torch.rand(n) * math.pi
    label = torch.arange(n) % 2
    x0 = torch.where(label == 0, torch.cos(t), 1 - torch.cos(t))
    x1 = torch.where(label == 0, torch.sin(t), 0.5 - torch.sin(t))
    x = torch.stack([x0, x1], dim=1) + noise * torch.randn(n, 2)
    return x, label.float().unsqueeze(1)


def evaluate(model, x, y):
    model.eval()
    with torch.no_grad():
        pred = torch.sigmoid(model(x)) > 0.5
    return (pred.float() == y).float().mean().item()


def train(epochs=30, batch_size=40, lr=0.1):
    torch.manual_seed(11)
    torch.set_num_threads(1)
    x, y = make_moons()
    loader = DataLoader(TensorDataset(x, y), batch_size=batch_size, shuffle=True)
    model = MoonNet()
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)

    for epoch in range(1, epochs + 1):
        model.train()
        running = 0.0
        for xb, yb in loader:
            optimizer.zero_grad()
            logits = model(xb)
            loss = criterion(logits, yb)
            loss.backward()
            optimizer.step()
            running += loss.item() * xb.size(0)
        if epoch % 5 == 0:
            print(f"[{epoch:02d}] loss={running / len(x):.4f} acc={evaluate(model, x, y):.3f}")
    return model


if __name__ == "__main__":
    train()
