import torch
from torch import nn, optim


class Net(nn.Module):
    def __init__(self, d, h, k):
        super().__init__()
        self.fc1 = nn.Linear(d, h)
        self.bn1 = nn.BatchNorm1d(h)
        self.fc2 = nn.Linear(h, h)
        self.bn2 = nn.BatchNorm1d(h)
        self.out = nn.Linear(h, k)

    def forward(self, x):
        x = torch.relu(self.bn1(self.fc1(x)))
        x = torch.relu(self.bn2(self.fc2(x)))
        return self.out(x)


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        pred = net(x).argmax(dim=1)
    net.train()
    return (pred == y).float().mean().item()


torch.manual_seed(1)
centres = torch.randn(5, 16)
y = torch.randint(0, 5, (1000,))
x = centres[y] + torch.randn(1000, 16)
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x[:800], y[:800]), batch_size=40, shuffle=True)
net = Net(16, 24, 5)
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(net.parameters(), lr=1e-2)
for epoch in range(4):
    running_loss = 0.0
    for inputs, targets in loader:
        optimizer.zero_grad()
        outputs = net(inputs)
        loss = criterion(outputs, targets)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    print(epoch, running_loss, accuracy(net, x[800:], y[800:]))
