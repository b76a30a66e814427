import pickle
import math
import torch

# two layer network with autograd only, no nn, no optim

dtype = torch.float64
torch.manual_seed(1)

def unpickle(fname):
    with open('../data/cifar-10-batches-py/' + fname, 'rb') as fo:
        d = pickle.load(fo, encoding='latin1')
    X = torch.tensor(d['data'][:5000], dtype=dtype) / 255
    y = torch.tensor(d['labels'][:5000])
    return X, y

Xtr, ytr = unpickle('data_batch_1')
Xva, yva = unpickle('data_batch_3')
Xte, yte = unpickle('test_batch')
mu, sd = Xtr.mean(0, keepdim=True), Xtr.std(0, unbiased=False, keepdim=True)
Xtr, Xva, Xte = (Xtr - mu)/sd, (Xva - mu)/sd, (Xte - mu)/sd

D, H, K = 3072, 50, 10
W1 = torch.randn(D, H, dtype=dtype) / math.sqrt(D)
b1 = torch.zeros(H, dtype=dtype)
W2 = torch.randn(H, K, dtype=dtype) / math.sqrt(H)
b2 = torch.zeros(K, dtype=dtype)
params = [W1, b1, W2, b2]
for p in params:
    p.requires_grad_(True)

lam = 0.01
eta_min, eta_max, n_s = 1e-5, 1e-1, 200
bs = 100
n_epochs = 8

def net(x):
    h = torch.clamp(x @ W1 + b1, min=0)
    s = h @ W2 + b2
    P = torch.softmax(s, dim=1)
    return P

def acc(X, y):
    with torch.no_grad():
        return (net(X).argmax(1) == y).double().mean().item()

t = 0
for ep in range(n_epochs):
    order = torch.randperm(len(Xtr))
    running = 0.0
    for i in range(0, len(Xtr), bs):
        idx = order[i:i+bs]
        x, y = Xtr[idx], ytr[idx]

        # triangular schedule
        t += 1
        cyc = t // (2*n_s)
        frac = (t - 2*cyc*n_s) / n_s
        eta = eta_min + (frac if frac <= 1 else 2 - frac) * (eta_max - eta_min)

        P = net(x)
        data_loss = -torch.log(P[torch.arange(len(y)), y]).mean()
        J = data_loss + lam * (W1.pow(2).sum() + W2.pow(2).sum())
        J.backward()
        running += J.item()
        with torch.no_grad():
            W1 -= eta * W1.grad
            b1 -= eta * b1.grad
            W2 -= eta * W2.grad
            b2 -= eta * b2.grad
            for p in params:
                p.grad.zero_()
    print('epoch %d  mean cost %.4f  train %.3f  val %.3f' % (ep, running / (len(Xtr)//bs), acc(Xtr, ytr), acc(Xva, yva)))

print('test accuracy', acc(Xte, yte))
