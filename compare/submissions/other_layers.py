"""Networks of layers that are not checked here, told by the values that they give."""

import math
from collections.abc import Callable, Mapping

import numpy as np

from compare.cases import Case
from compare.diagnosis.evidence import Evidence
from compare.numerics.structure import VALUE

Activation = Callable[[np.ndarray], np.ndarray]


def sigmoid(s: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(s / 2))


def gelu(s: np.ndarray) -> np.ndarray:
    return s * 0.5 * (1 + np.vectorize(math.erf)(s / math.sqrt(2)))


def gelu_by_tanh(s: np.ndarray) -> np.ndarray:
    return s * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (s + 0.044715 * s**3)))


ACTIVATIONS: Mapping[str, Activation] = {
    "a sigmoid": sigmoid,
    "a tanh": np.tanh,
    "a GELU": gelu,
    "a GELU (by tanh)": gelu_by_tanh,
    "an ELU": lambda s: np.where(s > 0, s, np.expm1(np.minimum(s, 0))),
    "a softplus": lambda s: np.logaddexp(0, s),
    "a SiLU": lambda s: s * sigmoid(s),
    "a ReLU": lambda s: np.maximum(s, 0),
}

BATCH, LAYER = 0, 1
"""The axis that a normalisation takes its mean over."""

ALL_EPS = (1e-5, 1e-8, 2.220446049250313e-16)


def other_layers(evidence: Evidence) -> str:
    """What the hidden layers have in place of ReLU and batch norm, in words; "" where the
    probabilities are not given, are right, or are of no such network."""
    case = evidence.case
    p = evidence.found.get(f"{VALUE}p")
    if p is None or f"{VALUE}p" not in evidence.wrong or not case.network.hidden:
        return ""
    norms: dict[str, tuple[int, float] | None] = {"": None}
    if case.network.batch_norm:
        norms = {"": (BATCH, case.network.eps)}
        norms |= {f"layer norm, eps {eps:g}": (LAYER, eps) for eps in ALL_EPS}
    for said, norm in norms.items():
        for name, activation in ACTIVATIONS.items():
            if (said or name != "a ReLU") and evidence.error(
                f"{VALUE}p", probabilities(case, norm, activation)
            ) <= 1:
                return " and ".join(
                    part for part in (said, name if name != "a ReLU" else "") if part
                )
    return ""


def probabilities(case: Case, norm: tuple[int, float] | None, activation: Activation) -> np.ndarray:
    """p of a network with one kind of normalisation and activation, (n, classes)."""
    parameters, x = case.parameters, case.X
    for l in range(1, case.network.depth + 1):
        s = x @ parameters[f"W{l}"].T + parameters[f"b{l}"]
        if l == case.network.depth:
            break
        if norm is not None:
            axis, eps = norm
            centred = s - s.mean(axis=axis, keepdims=True)
            s = centred / np.sqrt(s.var(axis=axis, keepdims=True) + eps)
            s = parameters[f"gamma{l}"] * s + parameters[f"beta{l}"]
        x = activation(s)
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))
