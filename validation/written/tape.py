"""A small automatic differentiation of its own: every operation knows its pull-back."""

import numpy as np


class Var:
    def __init__(self, value, parents=()):
        self.value, self.parents, self.grad = value, parents, 0.0


def matmul(a, w):
    return Var(a.value @ w.value.T, [(a, lambda g: g @ w.value), (w, lambda g: g.T @ a.value)])


def add(a, b):
    return Var(a.value + b.value, [(a, lambda g: g), (b, lambda g: g.sum(0))])


def relu(a):
    keep = a.value > 0
    return Var(np.where(keep, a.value, 0.0), [(a, lambda g: g * keep)])


def scale(a, gamma):
    return Var(
        a.value * gamma.value,
        [(a, lambda g: g * gamma.value), (gamma, lambda g: (g * a.value).sum(0))],
    )


def normalise(a, eps):
    centre = a.value - a.value.mean(0)
    inv = 1.0 / np.sqrt((centre**2).mean(0) + eps)
    hat = centre * inv

    def pull(g):
        dvar = (g * centre).sum(0) * -0.5 * inv**3
        dmean = -(g * inv).sum(0)
        return g * inv + dvar * 2.0 * centre / len(centre) + dmean / len(centre)

    return Var(hat, [(a, pull)])


def cross_entropy(z, y):
    shifted = z.value - z.value.max(1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    rows = np.arange(len(y))
    onehot = np.zeros_like(logp)
    onehot[rows, y] = 1.0
    loss = Var(-logp[rows, y].mean(), [(z, lambda g: g * (np.exp(logp) - onehot) / len(y))])
    return loss, np.exp(logp)


def squares(w):
    return Var((w.value**2).sum(), [(w, lambda g: g * 2.0 * w.value)])


def backward(node, grad):
    node.grad = node.grad + grad
    for parent, pull in node.parents:
        backward(parent, pull(grad))


def run(X, y, P, lam, eps):
    v = {name: Var(value) for name, value in P.items()}
    depth = sum(name[0] == "W" for name in P)
    h = Var(X)
    for i in range(1, depth + 1):
        h = add(matmul(h, v[f"W{i}"]), v[f"b{i}"])
        if f"gamma{i}" in v:
            h = add(scale(normalise(h, eps), v[f"gamma{i}"]), v[f"beta{i}"])
        if i < depth:
            h = relu(h)
    loss, p = cross_entropy(h, y)
    cost = loss.value
    backward(loss, 1.0)
    for i in range(1, depth + 1):
        term = squares(v[f"W{i}"])
        cost += lam * term.value
        backward(term, lam)
    grads = {name: one.grad for name, one in v.items()}
    return {"p": p, "loss": loss.value, "cost": cost, "grads": grads}
