"""The backward pass, a step a gradient. G_x is d cost / d x."""

from collections.abc import Iterator

import numpy as np

from compare.cases import Case
from compare.derivation.place import Changes, Place, Step
from compare.numerics.structure import split_name
from twingrad.network import Gradients, Network, Trace

BACKWARD = {
    step.operation: step
    for step in (
        Step(
            "softmax",
            "softmax and cross-entropy",
            "G_s = (p - Y) / n",
            "-log p_y = log sum_j exp(s_j) - s_y, whose derivative by s_j is p_j - [j = y]; the "
            "mean over the minibatch divides by n, once and for all layers.",
            "return G / len(y)",
            lambda at: (at.trace["p"] - at.one_hot) / at.n,
        ),
        Step(
            "W",
            "gradient of W{l}",
            "G_W = G_s' x + 2 lambda W",
            "s_ij = sum_k x_ik W_jk + b_j: W_jk meets sample i with weight x_ik; the penalty "
            "lambda ||W||^2 adds its own derivative.",
            "gradients[self.W] = G.T @ x  # (out, in)",
            lambda at: at.G_s.T @ at.input + 2 * at.penalty * at.W,
            'gradients[f"W{l}"] += 2 * penalty * parameters[f"W{l}"]',
        ),
        Step(
            "b",
            "gradient of b{l}",
            "G_b = sum_i G_s,i",
            "b_j is added in every sample, so it collects from all of them.",
            "gradients[self.b] = G.sum(axis=0)  # (out,)",
            lambda at: at.G_s.sum(axis=0),
        ),
        Step(
            "down",
            "way down to x{l} through the W above it",
            "G_x = G_s W, with G_s and W of the layer above",
            "x_ik reaches every s_ij with weight W_jk.",
            "return None if self.first else G @ parameters[self.W]  # (n, in)",
            lambda at: at.above.G_s @ at.above.W,
        ),
        Step(
            "mask",
            "ReLU of layer {l}",
            "G_s_tilde = G_x where s_tilde > 0, else 0; without batch norm the same with s",
            "d max(0, s) / d s is 1 where s > 0 and, by convention, 0 at 0.",
            "return np.where(s <= 0, 0, gradients[self.output])  # (n, m)",
            lambda at: np.where(at.relu_input > 0, at.G_x, 0),
        ),
        Step(
            "gamma",
            "gradient of gamma{l}",
            "G_gamma = sum_i G_s_tilde,i s_hat_i",
            "s_tilde = gamma s_hat + beta, and gamma is shared by all samples.",
            "gradients[self.gamma] = (G * s_hat).sum(axis=0)  # (m,)",
            lambda at: (at.G_s_tilde * at.s_hat).sum(axis=0),
        ),
        Step(
            "beta",
            "gradient of beta{l}",
            "G_beta = sum_i G_s_tilde,i",
            "beta is added in every sample.",
            "gradients[self.beta] = G.sum(axis=0)  # (m,)",
            lambda at: at.G_s_tilde.sum(axis=0),
        ),
        Step(
            "s_hat",
            "way down through gamma{l}",
            "G_s_hat = G_s_tilde gamma",
            "s_tilde = gamma s_hat + beta.",
            "gradients[self.s_hat] = G_hat = G * parameters[self.gamma]  # (n, m)",
            lambda at: at.G_s_tilde * at.gamma,
        ),
        Step(
            "v",
            "gradient of the variance v{l}",
            "G_v = -1/2 sum_i G_s_hat,i s_hat_i / (v + eps)",
            "d s_hat / d v = -1/2 (s - mu) (v + eps)^(-3/2) = -1/2 s_hat / (v + eps), and v is "
            "shared by all samples.",
            "gradients[self.v] = G_v = -0.5 * (G_hat * s_hat).sum(axis=0) / variance  # (m,)",
            lambda at: -0.5 * (at.G_s_hat * at.s_hat).sum(axis=0) / at.variance,
        ),
        Step(
            "mu",
            "gradient of the mean mu{l}",
            "G_mu = -sum_i G_s_hat,i / sqrt(v + eps)",
            "d s_hat / d mu = -1 / sqrt(v + eps). mu is also in v, but d v / d mu = "
            "-2/n sum(s - mu) = 0.",
            "gradients[self.mu] = G_mu = -G_hat.sum(axis=0) / root  # (m,)",
            lambda at: -at.G_s_hat.sum(axis=0) / at.root,
        ),
        Step(
            "s",
            "way down through batch norm {l} to s{l}",
            "G_s = G_s_hat / sqrt(v + eps) + G_mu / n + G_v (2/n) (s - mu)",
            "s goes three ways: straight into s_hat, with its share 1/n into mu, and with its "
            "share 2 (s - mu) / n into v.",
            "return G_hat / root + G_mu / n + G_v * (2 / n) * centred  # (n, m)",
            lambda at: at.G_s_hat / at.root + at.G_mu / at.n + at.G_v * (2 / at.n) * (at.s - at.mu),
        ),
    )
}
"""By operation."""


def order(network: Network) -> Iterator[tuple[str, int, str]]:
    """(operation, layer, name of what the gradient is by) in order of execution."""
    k = network.depth
    for l in range(k, 0, -1):
        if l == k:
            yield ("softmax", l, f"s{l}")
        else:
            yield ("down", l, f"x{l}")
            yield ("mask", l, f"s_tilde{l}" if network.batch_norm else f"s{l}")
            if network.batch_norm:
                for operation in ("gamma", "beta", "s_hat", "v", "mu", "s"):
                    yield (operation, l, f"{operation}{l}")
        yield ("W", l, f"W{l}")
        yield ("b", l, f"b{l}")


def node(network: Network, operation: str, l: int) -> str:
    """The name of what an operation's gradient is by: ("mask", 2) is s_tilde2 or s2."""
    kinds = {"softmax": "s", "down": "x", "mask": "s_tilde" if network.batch_norm else "s"}
    return f"{kinds.get(operation, operation)}{l}"


def operation_of(network: Network, name: str) -> tuple[str, int]:
    """The inverse of `node`: the operation that computes the gradient by `name`, and its layer."""
    kind, l = split_name(name)
    if kind == "s" and l == network.depth:
        return "softmax", l
    mask = "s_tilde" if network.batch_norm else "s"
    return {"x": "down", mask: "mask"}.get(kind, kind), l


def backward_pass(case: Case, trace: Trace, changes: Changes | None = None) -> Gradients:
    """Every gradient in order of execution, with the steps in `changes` computed otherwise.

    Arguments:
        case: float64.
        trace: of the forward pass, right or wrong.
        changes: mistakes, or gradients to take as given.
    """
    gradients: Gradients = {}
    for operation, l, name in order(case.network):
        compute = (changes or {}).get((operation, l), BACKWARD[operation].compute)
        gradients[name] = np.asarray(compute(Place(case, l, trace, gradients)))
    return gradients


def step_from(case: Case, trace: Trace, gradients: Gradients, name: str) -> np.ndarray:
    """The gradient by `name` that one right step makes of the gradients given.

    Raises:
        KeyError: a gradient that the step needs is not among them.
    """
    operation, l = operation_of(case.network, name)
    return BACKWARD[operation].compute(Place(case, l, trace, gradients))
