"""The forward pass, a step a value."""

from collections.abc import Iterator

import numpy as np

from compare.cases import Case
from compare.derivation.place import Changes, Place, Step
from twingrad.network import Network, Trace


def probabilities(at: Place) -> np.ndarray:
    exponentials = np.exp(at.s - at.s.max(axis=1, keepdims=True))  # (n, classes)
    return exponentials / exponentials.sum(axis=1, keepdims=True)  # (n, classes)


def mean_cross_entropy(at: Place) -> np.ndarray:
    return sum_cross_entropy(at) / at.n


def sum_cross_entropy(at: Place) -> np.ndarray:
    """Over the samples; from the logits, since p may underflow."""
    shifted = at.s - at.s.max(axis=1, keepdims=True)  # (n, classes)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))  # (n, classes)
    return np.asarray(-log_p[np.arange(at.n), at.case.y].sum())


def squared_weights(at: Place) -> float:
    """sum_l ||W_l||^2."""
    layers = range(1, at.case.network.depth + 1)
    return float(sum(np.square(at.case.parameters[f"W{l}"]).sum() for l in layers))


FORWARD = {
    step.operation: step
    for step in (
        Step(
            "s",
            "affine map of layer {l}",
            "s = x W' + b",
            "Each unit weighs the inputs of its sample and adds its bias.",
            "trace[self.output] = x @ W.T + b  # (n, out)",
            lambda at: at.input @ at.W.T + at.b,
        ),
        Step(
            "mu",
            "mean of batch norm {l}",
            "mu = 1/n sum_i s_i",
            "The mean of every unit over the minibatch.",
            "mu = s.mean(axis=0)  # (m,)",
            lambda at: at.s.mean(axis=0),
        ),
        Step(
            "v",
            "variance of batch norm {l}",
            "v = 1/n sum_i (s_i - mu)^2",
            "The biased variance: divided by n, not by n - 1.",
            "v = np.square(s - mu).mean(axis=0)  # (m,)",
            lambda at: np.square(at.s - at.mu).mean(axis=0),
        ),
        Step(
            "s_hat",
            "normalisation of batch norm {l}",
            "s_hat = (s - mu) / sqrt(v + eps)",
            "Every unit in its own standard deviations; eps stands under the root.",
            "s_hat = (s - mu) / np.sqrt(v + self.eps)  # (n, m)",
            lambda at: (at.s - at.mu) / at.root,
        ),
        Step(
            "s_tilde",
            "scale and shift of batch norm {l}",
            "s_tilde = gamma s_hat + beta",
            "The network may undo what normalising took away.",
            "trace[self.output] = parameters[self.gamma] * s_hat + parameters[self.beta]  # (n, m)",
            lambda at: at.gamma * at.s_hat + at.beta,
        ),
        Step(
            "x",
            "ReLU of layer {l}",
            "x = max(0, s_tilde), without batch norm max(0, s)",
            "What is negative is cut off.",
            "trace[self.output] = np.where(s.real <= 0, 0, s)  # (n, m)",
            lambda at: np.maximum(at.relu_input, 0),
        ),
        Step(
            "p",
            "softmax",
            "p = exp(s) / sum_j exp(s_j)",
            "The logits of a sample as probabilities of the classes.",
            "return exponentials / totals[:, None], np.asarray(-log_p_y.mean())",
            probabilities,
        ),
        Step(
            "loss",
            "cross-entropy",
            "loss = -1/n sum_i log p_i,y",
            "The mean over the minibatch of minus the log of the right class's probability, taken "
            "from the logits: p itself may underflow.",
            "log_p_y = shifted[np.arange(len(y)), y] - np.log(totals)  # (n,)",
            mean_cross_entropy,
        ),
        Step(
            "cost",
            "cost",
            "cost = loss + lambda sum_l ||W_l||^2",
            "Every weight of every layer is penalised; b, gamma and beta are not.",
            'trace["cost"] = trace["loss"] + penalty * sum(np.square(W).sum() for W in weights)',
            lambda at: at.trace["loss"] + at.penalty * squared_weights(at),
        ),
    )
}
"""By operation, in order of execution."""


def order(network: Network) -> Iterator[tuple[str, int, str]]:
    """(operation, layer, name of the value) in order of execution."""
    hidden = ("s", "mu", "v", "s_hat", "s_tilde", "x") if network.batch_norm else ("s", "x")
    for l in range(1, network.depth):
        yield from ((operation, l, f"{operation}{l}") for operation in hidden)
    yield ("s", network.depth, f"s{network.depth}")
    for operation in ("p", "loss", "cost"):
        yield (operation, network.depth, operation)


def forward_pass(case: Case, changes: Changes | None = None) -> Trace:
    """Every intermediate, with the steps in `changes` computed otherwise."""
    trace: Trace = {}
    for operation, l, name in order(case.network):
        compute = (changes or {}).get((operation, l), FORWARD[operation].compute)
        trace[name] = compute(Place(case, l, trace, {}))
    return trace
