# 3-layer MLP on CIFAR-10, PyTorch version of the assignment so I can compare with my numpy code.
import os
import pickle

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(400)

DATA_DIR = os.path.expanduser("~/data/cifar-10-batches-py")
BATCH_SIZE = 100
EPOCHS = 7
LAMBDA = 0.005
LR_MIN, LR_MAX = 1e-5, 1e-1


def load_batch(name, n=10000):
    with open(os.path.join(DATA_DIR, name), "rb") as fh:
        batch = pickle.load(fh, encoding="bytes")
    images = torch.from_numpy(batch[b"data"][:n]).float() / 255.0
    labels = torch.tensor(batch[b"labels"][:n], dtype=torch.long)
    return images, labels


class MLP(nn.Module):
    def __init__(self, d_in=3072, hidden=(50, 50), n_classes=10):
        super().__init__()
        layers = []
        previous = d_in
        for width in hidden:
            layers += [nn.Linear(previous, width), nn.BatchNorm1d(width), nn.ReLU()]
            previous = width
        layers.append(nn.Linear(previous, n_classes))
        self.layers = nn.Sequential(*layers)
        for module in self.layers:
            if isinstance(module, nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)

    def forward(self, x):
        return self.layers(x)


def penalty(model):
    return sum((m.weight ** 2).sum() for m in model.modules() if isinstance(m, nn.Linear))


def evaluate(model, criterion, X, y):
    model.eval()
    with torch.no_grad():
        logits = model(X)
        loss = criterion(logits, y)
        cost = loss + LAMBDA * penalty(model)
        accuracy = (logits.argmax(dim=1) == y).float().mean()
    return loss.item(), cost.item(), accuracy.item()


X_train, y_train = load_batch("data_batch_1", 6000)
X_val, y_val = load_batch("data_batch_2", 2000)
X_test, y_test = load_batch("test_batch", 3000)

mean = X_train.mean(dim=0)
std = X_train.std(dim=0)
X_train = (X_train - mean) / std
X_val = (X_val - mean) / std
X_test = (X_test - mean) / std

loader = DataLoader(TensorDataset(X_train, y_train), batch_size=BATCH_SIZE, shuffle=True)

net = MLP()
criterion = nn.CrossEntropyLoss()

# the cost has lambda * ||W||^2, weight_decay has the 1/2 in it, hence the 2. No decay on biases/gamma/beta
decayed = [m.weight for m in net.modules() if isinstance(m, nn.Linear)]
decayed_ids = {id(p) for p in decayed}
rest = [p for p in net.parameters() if id(p) not in decayed_ids]
optimizer = torch.optim.SGD(
    [{"params": decayed, "weight_decay": 2 * LAMBDA}, {"params": rest, "weight_decay": 0.0}],
    lr=LR_MIN,
)
scheduler = torch.optim.lr_scheduler.CyclicLR(
    optimizer, base_lr=LR_MIN, max_lr=LR_MAX, step_size_up=150, cycle_momentum=False
)

history = {"loss": [], "cost": [], "val_loss": [], "val_acc": []}
for epoch in range(EPOCHS):
    net.train()
    for xb, yb in loader:
        scores = net(xb)
        batch_loss = criterion(scores, yb)
        optimizer.zero_grad()
        batch_loss.backward()
        optimizer.step()
        scheduler.step()

    loss, cost, acc = evaluate(net, criterion, X_train, y_train)
    val_loss, val_cost, val_acc = evaluate(net, criterion, X_val, y_val)
    history["loss"].append(loss)
    history["cost"].append(cost)
    history["val_loss"].append(val_loss)
    history["val_acc"].append(val_acc)
    print(f"epoch {epoch + 1}: train {loss:.4f} ({acc:.2%})  val {val_loss:.4f} ({val_acc:.2%})")

test_loss, _, test_acc = evaluate(net, criterion, X_test, y_test)
print(f"test loss {test_loss:.4f}, accuracy {test_acc:.2%}")

plt.plot(history["loss"], label="training")
plt.plot(history["val_loss"], label="validation")
plt.xlabel("epoch")
plt.ylabel("loss")
plt.legend()
plt.show()
