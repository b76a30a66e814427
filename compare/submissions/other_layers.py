"""Recognise networks with layers that are not checked here by their values."""

from collections.abc import Mapping

import numpy as np
from scipy.special import expit

from compare.cases import Case
from compare.derivation import ACTIVATIONS as DERIVED
from compare.diagnosis.evidence import Evidence
from compare.numerics.functions import (
    OTHER_ACTIVATIONS,
    SMOOTH_ACTIVATIONS,
    Activation,
    softmax,
)
from compare.numerics.structure import VALUE

ACTIVATIONS: Mapping[str, Activation] = {
    **OTHER_ACTIVATIONS,
    **{DERIVED[kind].name: f for kind, f in SMOOTH_ACTIVATIONS.items()},
    "": lambda s: np.maximum(s, 0),
}
"""By name; the ReLU has none. Those that can be checked are here for networks with a layer norm."""

BATCH, LAYER = 0, 1
"""The axis that a normalisation takes its mean over."""

ALL_EPS = (1e-5, 1e-8, 2.220446049250313e-16)


def other_layers(evidence: Evidence) -> str:
    """Name what the hidden layers have instead of ReLU and batch norm.

    Returns:
        "" if the probabilities are not given, are right, or match no such network.
    """
    case = evidence.case
    p = evidence.found.get(f"{VALUE}p")
    if p is None or f"{VALUE}p" not in evidence.wrong or not case.network.hidden:
        return ""
    norms: dict[str, tuple[int, float] | None] = {"": None}
    if case.network.batch_norm:
        norms = {"": (BATCH, case.network.eps)}
        norms |= {f"layer norm, eps {eps:g}": (LAYER, eps) for eps in ALL_EPS}
    for norm_name, norm in norms.items():
        for name, activation in ACTIVATIONS.items():
            words = [word for word in (norm_name, name) if word]
            s = logits(case, norm, activation)
            ends = (softmax(s), np.asarray(expit(s)))
            if words and any(evidence.error(f"{VALUE}p", p) <= 1 for p in ends):
                return " and ".join(words)
    return ""


def logits(case: Case, norm: tuple[int, float] | None, activation: Activation) -> np.ndarray:
    """The logits of a network with one kind of normalisation and activation, (n, classes)."""
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
    return s
