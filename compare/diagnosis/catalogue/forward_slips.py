"""Mistakes of the forward pass that were met in public code: at the logits and in batch norm."""

import numpy as np

from compare.derivation import Place
from compare.diagnosis.catalogue.fault import Fault, last, with_kind
from compare.diagnosis.catalogue.normalisation import mean_term, variance_term


def cut_off_probabilities(at: Place, right: np.ndarray) -> np.ndarray:
    exponentials = np.exp(cut_off(at) - cut_off(at).max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def cut_off(at: Place) -> np.ndarray:
    return np.maximum(at.s, 0)


def cut_off_loss(at: Place, right: np.ndarray) -> np.ndarray:
    return np.asarray(-(at.Y * np.log(cut_off_probabilities(at, right))).sum() / at.n)


def first_root(at: Place, right: np.ndarray) -> np.ndarray:
    return (at.s - at.spread(at.mu)) / at.root[0]


def own_root_back(at: Place, right: np.ndarray) -> np.ndarray:
    """The gradient by v with each unit's own root, as the right formula has it."""
    own = (at.s - at.spread(at.mu)) / at.spread(at.root)
    return -0.5 * (at.G_s_hat * own).sum(axis=at.axis) / at.variance


def own_root_down(at: Place, right: np.ndarray) -> np.ndarray:
    return at.G_s_hat / at.spread(at.root) + mean_term(at) + variance_term(at)


FORWARD_SLIPS = (
    Fault(
        "ReLU on the logits",
        "The logits pass a ReLU before the softmax, in both passes.",
        "Hand the logits to the softmax as they are.",
        "p",
        last,
        {"softmax": lambda at, right: np.where(at.s > 0, right, 0)},
        {"p": cut_off_probabilities, "loss": cut_off_loss},
        wrong="s",
        everywhere=False,
    ),
    Fault(
        "ReLU on the logits, forward alone",
        "The logits pass a ReLU before the softmax, which the backward pass knows nothing of.",
        "Hand the logits to the softmax as they are.",
        "p",
        last,
        {},
        {"p": cut_off_probabilities, "loss": cut_off_loss},
        wrong="s",
        everywhere=False,
    ),
    Fault(
        "every unit by the first unit's variance",
        "Batch norm of {where} divides every unit by the first unit's sqrt(v + eps); the backward "
        "pass takes each unit's own.",
        "Divide each unit by its own: np.diag of an (m, 1) array is its first entry alone; use "
        "np.diag(v[:, 0]), or plain division.",
        "s_hat",
        with_kind("batch_norm"),
        {"v": own_root_back, "s": own_root_down},
        {"s_hat": first_root},
        wrong="sqrt(v + eps)",
    ),
)
