import torch
import torch.nn.functional as F

torch.manual_seed(5)
centres = torch.randn(6, 20)
y = torch.randint(0, 6, (900,))
X = centres[y] + torch.randn(900, 20)
X_val, y_val = X[700:], y[700:]
X, y = X[:700], y[:700]

w1 = (torch.randn(20, 30) * 0.2).requires_grad_()
b1 = torch.zeros(30, requires_grad=True)
w2 = (torch.randn(30, 6) * 0.2).requires_grad_()
b2 = torch.zeros(6, requires_grad=True)
params = [w1, b1, w2, b2]
lr = 0.1


def model(xb):
    h = (xb @ w1 + b1).clamp(min=0.)
    return h @ w2 + b2


for epoch in range(4):
    perm = torch.randperm(len(X))
    for i in range(0, len(X), 50):
        idx = perm[i:i + 50]
        xb, yb = X[idx], y[idx]
        logits = model(xb)
        loss = F.cross_entropy(logits, yb)
        loss.backward()
        with torch.no_grad():
            for p in params:
                p -= lr * p.grad
                p.grad.zero_()
    with torch.no_grad():
        print(epoch, loss.item(), (model(X_val).argmax(1) == y_val).float().mean().item())
