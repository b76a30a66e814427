"""A softmax of a softmax, as when a criterion that takes logits is given probabilities."""

import numpy as np

from compare.derivation import Place
from compare.diagnosis.catalogue.fault import Fault, last


def softmax(s: np.ndarray) -> np.ndarray:
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def loss_of_twice(at: Place, right: np.ndarray) -> np.ndarray:
    return np.asarray(-(at.Y * np.log(softmax(softmax(at.s)))).sum() / at.n)


def back_through_both(at: Place, right: np.ndarray) -> np.ndarray:
    p = softmax(at.s)
    G_p = (softmax(p) - at.Y) / at.n
    return p * (G_p - (G_p * p).sum(axis=1, keepdims=True))


DOUBLE_SOFTMAX = (
    Fault(
        "softmax twice, in the loss",
        "The softmax is applied twice: the loss takes the probabilities for logits, and applies a "
        "softmax of its own (in torch: cross-entropy of probabilities).",
        "Give the loss the logits.",
        "loss",
        last,
        {"softmax": back_through_both},
        {"loss": loss_of_twice},
        wrong="log p_i,y",
        everywhere=False,
    ),
)
