"""Trains the network of model.py on the data of data.py:  python right_main.py --epochs 4"""
import argparse
import math

import numpy as np

import data
import model


def cyclic_eta(t, eta_min, eta_max, n_s):
    l = math.floor(t / (2 * n_s))
    if t <= (2 * l + 1) * n_s:
        return eta_min + (t - 2 * l * n_s) / n_s * (eta_max - eta_min)
    return eta_max - (t - (2 * l + 1) * n_s) / n_s * (eta_max - eta_min)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--hidden", type=int, nargs="+", default=[50, 50])
    parser.add_argument("--lam", type=float, default=0.004)
    parser.add_argument("--seed", type=int, default=8)
    args = parser.parse_args()

    rng = np.random.default_rng(args.seed)
    splits = data.load()
    X, Y, y = splits["train"]
    layers = model.he_layers([X.shape[0], *args.hidden, 10], rng)
    n_batch, t = 100, 0
    n_s = 2 * (X.shape[1] // n_batch)
    for epoch in range(args.epochs):
        perm = rng.permutation(X.shape[1])
        for first in range(0, X.shape[1], n_batch):
            chosen = perm[first:first + n_batch]
            P, inputs = model.forward(layers, X[:, chosen])
            grads = model.backward(layers, inputs, P, Y[:, chosen], args.lam)
            model.update(layers, grads, cyclic_eta(t, 1e-5, 1e-1, n_s))
            t += 1
        J, L = model.cost(layers, X, Y, args.lam)
        J_val, L_val = model.cost(layers, splits["val"][0], splits["val"][1], args.lam)
        print(f"{epoch + 1:3d}  J {J:.4f} L {L:.4f}  val J {J_val:.4f} L {L_val:.4f}  "
              f"acc {model.accuracy(layers, X, y):.4f} {model.accuracy(layers, splits['val'][0], splits['val'][2]):.4f}")
    print("test", model.accuracy(layers, splits["test"][0], splits["test"][2]))


if __name__ == "__main__":
    main()
