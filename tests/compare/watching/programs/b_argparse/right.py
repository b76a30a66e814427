#!/usr/bin/env python3
"""k-layer network on CIFAR-10 from the command line, e.g.
    python right.py --hidden 50 50 --lam 0.004 --epochs 8 --ns 300
"""
import argparse
import copy
import pickle
import time
from pathlib import Path

import numpy as np


def parse_args():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", type=Path, default=Path("../../Datasets/cifar-10-batches-py"))
    ap.add_argument("--hidden", type=int, nargs="*", default=[50, 50])
    ap.add_argument("--lam", type=float, default=0.004)
    ap.add_argument("--eta-min", type=float, default=1e-5)
    ap.add_argument("--eta-max", type=float, default=1e-1)
    ap.add_argument("--ns", type=int, default=200)
    ap.add_argument("--epochs", type=int, default=6)
    ap.add_argument("--batch-size", type=int, default=100)
    ap.add_argument("--val", type=int, default=1000)
    ap.add_argument("--check-gradients", action="store_true")
    ap.add_argument("--seed", type=int, default=None)
    return ap.parse_args()


def read_batch(path):
    with path.open("rb") as f:
        d = pickle.load(f, encoding="bytes")
    x = d[b"data"].T.astype(np.float64) / 255.0
    labels = np.asarray(d[b"labels"])
    onehot = np.zeros((10, labels.size))
    onehot[labels, np.arange(labels.size)] = 1
    return x, onehot, labels


def prepare(args):
    x, onehot, labels = read_batch(args.data / "data_batch_1")
    n_train = x.shape[1] - args.val
    mean = x[:, :n_train].mean(axis=1).reshape(-1, 1)
    std = x[:, :n_train].std(axis=1).reshape(-1, 1)
    x -= mean
    x /= std
    x_test, onehot_test, labels_test = read_batch(args.data / "test_batch")
    x_test = (x_test - mean) / std
    return {
        "train": (x[:, :n_train], onehot[:, :n_train], labels[:n_train]),
        "val": (x[:, n_train:], onehot[:, n_train:], labels[n_train:]),
        "test": (x_test, onehot_test, labels_test),
    }


def init_net(dims, rng):
    net = {"W": [], "b": []}
    for n_in, n_out in zip(dims[:-1], dims[1:]):
        net["W"].append(rng.standard_normal((n_out, n_in)) * np.sqrt(2.0 / n_in))
        net["b"].append(np.zeros((n_out, 1)))
    return net


def forward(net, x):
    hs = [x]
    k = len(net["W"])
    for i in range(k - 1):
        s = net["W"][i] @ hs[i] + net["b"][i]
        hs.append(np.maximum(s, 0))
    s = net["W"][k - 1] @ hs[k - 1] + net["b"][k - 1]
    s -= s.max(axis=0, keepdims=True)
    p = np.exp(s)
    p /= p.sum(axis=0, keepdims=True)
    return p, hs


def cost(net, x, onehot, lam):
    p, _ = forward(net, x)
    loss = -np.log((onehot * p).sum(axis=0)).mean()
    return loss + lam * sum(np.square(w).sum() for w in net["W"])


def backward(net, p, hs, onehot, lam):
    n = onehot.shape[1]
    grads = {"W": [None] * len(net["W"]), "b": [None] * len(net["b"])}
    g = p - onehot
    for i in reversed(range(len(net["W"]))):
        grads["W"][i] = g @ hs[i].T / n + 2 * lam * net["W"][i]
        grads["b"][i] = g.mean(axis=1, keepdims=True)
        if i > 0:
            g = net["W"][i].T @ g
            g = g * (hs[i] > 0)
    return grads


def eta_at(t, args):
    cycle = t // (2 * args.ns)
    pos = t - 2 * cycle * args.ns
    if pos <= args.ns:
        eta = args.eta_min + pos / args.ns * (args.eta_max - args.eta_min)
    else:
        eta = args.eta_max - (pos - args.ns) / args.ns * (args.eta_max - args.eta_min)
    return eta


def accuracy(net, x, labels):
    return np.mean(forward(net, x)[0].argmax(axis=0) == labels)


def check_gradients(rng, lam):
    net = init_net([12, 7, 5, 10], rng)
    x, onehot = rng.standard_normal((12, 5)), np.eye(10)[:, rng.integers(10, size=5)]
    grads = backward(net, *forward(net, x), onehot, lam)
    h = 1e-5
    for key in ("W", "b"):
        for i, a in enumerate(net[key]):
            num = np.empty_like(a)
            for ix in np.ndindex(a.shape):
                a[ix] += h
                c2 = cost(net, x, onehot, lam)
                a[ix] -= 2 * h
                c1 = cost(net, x, onehot, lam)
                a[ix] += h
                num[ix] = (c2 - c1) / (2 * h)
            print(f"{key}[{i}]: max abs difference {np.abs(num - grads[key][i]).max():.2e}")


def train(data, args, rng):
    x, onehot, labels = data["train"]
    x_val, _, labels_val = data["val"]
    n = x.shape[1]
    net = init_net([x.shape[0], *args.hidden, 10], rng)
    best_acc, best_net = 0.0, None
    t = 0
    started = time.time()
    for epoch in range(1, args.epochs + 1):
        order = rng.permutation(n)
        for j in range(n // args.batch_size):
            chosen = order[j * args.batch_size:(j + 1) * args.batch_size]
            xb = x[:, chosen]
            yb = onehot[:, chosen]
            p, hs = forward(net, xb)
            grads = backward(net, p, hs, yb, args.lam)
            eta = eta_at(t, args)
            for key in ("W", "b"):
                for i in range(len(net[key])):
                    net[key][i] -= eta * grads[key][i]
            t += 1
        acc = accuracy(net, x_val, labels_val)
        print(f"epoch {epoch}, t={t}: eta={eta:.5f} cost={cost(net, x, onehot, args.lam):.4f} val={acc:.4f} ({time.time() - started:.1f} s)")
        if acc > best_acc:
            best_acc = acc
            best_net = copy.deepcopy(net)
    return best_net, best_acc


def main():
    args = parse_args()
    rng = np.random.default_rng(args.seed)
    if args.check_gradients:
        check_gradients(rng, args.lam)
    data = prepare(args)
    net, acc = train(data, args, rng)
    print(f"best validation accuracy {acc:.4f}, its test accuracy {accuracy(net, data['test'][0], data['test'][2]):.4f}")


if __name__ == "__main__":
    main()
