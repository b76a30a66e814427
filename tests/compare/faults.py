"""Implementations with one mistake each, to try the checker on."""

from types import SimpleNamespace

import numpy as np

import manual_impl


def with_gradients(change):
    """The manual implementation whose gradients pass through `change(gradients, **call)`."""

    def gradients(network, parameters, X, y, *, penalty):
        right = manual_impl.gradients(network, parameters, X, y, penalty=penalty)
        return change(right, network=network, parameters=parameters, X=X, y=y, penalty=penalty)

    return SimpleNamespace(forward=manual_impl.forward, gradients=gradients)


def no_penalty_on_layer_1(g, parameters, penalty, **_):
    return g | {"W1": g["W1"] - 2 * penalty * parameters["W1"]}


def lambda_for_two_lambda(g, network, parameters, penalty, **_):
    names = [f"W{l}" for l in range(1, network.depth + 1)]
    return g | {name: g[name] - penalty * parameters[name] for name in names}


def bias_meaned_twice(g, y, **_):
    return g | {"b3": g["b3"] / len(y)}


def not_divided_by_n(g, y, **_):
    return {name: value * len(y) for name, value in g.items()}


def sign(g, **_):
    return g | {"W2": -g["W2"]}


def variance_as_constant(g, network, parameters, X, y, penalty, **_):
    """The variance's term missing from batch norm's backward pass, at layer 1."""
    trace = manual_impl.forward(network, parameters, X, y, penalty=penalty)
    s = g["s1"] - g["v1"] * (2 / len(y)) * (trace["s1"] - trace["mu1"])
    return g | {"s1": s, "W1": s.T @ X + 2 * penalty * parameters["W1"], "b1": s.sum(axis=0)}


def gamma_from_s_tilde(g, network, parameters, X, y, penalty, **_):
    trace = manual_impl.forward(network, parameters, X, y, penalty=penalty)
    return g | {"gamma1": (g["s_tilde1"] * trace["s_tilde1"]).sum(axis=0)}


def float32_posing_as_float64(g, **_):
    return {name: value.astype(np.float32).astype(float) for name, value in g.items()}


FAULTS = [
    no_penalty_on_layer_1,
    lambda_for_two_lambda,
    bias_meaned_twice,
    not_divided_by_n,
    sign,
    variance_as_constant,
    gamma_from_s_tilde,
    float32_posing_as_float64,
]
