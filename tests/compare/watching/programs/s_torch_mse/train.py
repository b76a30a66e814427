import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
np.random.seed(0)

# data: points inside / outside of an ellipse
N = 200
pts = np.random.uniform(-2, 2, size=(N, 2)).astype("float32")
lab = (pts[:, 0] ** 2 + 2 * pts[:, 1] ** 2 < 2.2).astype("float32")
X = torch.from_numpy(pts)
Y = torch.from_numpy(lab)

net = nn.Sequential(
    nn.Linear(2, 12),
    nn.Tanh(),
    nn.Linear(12, 1),
    nn.Sigmoid(),
)
loss_fn = nn.MSELoss()
opt = torch.optim.Adam(net.parameters(), lr=0.03)

for step in range(400):
    out = net(X)
    loss = loss_fn(out.squeeze(1), Y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 50 == 0:
        acc = ((out[:, 0] > 0.5).float() == Y).float().mean()
        print("step", step, "mse", round(loss.item(), 4), "acc", round(acc.item(), 3))
