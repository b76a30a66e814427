"""A sigmoid of every logit, with the binary cross-entropy or the squared error, and the gradient of
the logits."""

import numpy as np
from scipy.special import expit

from compare.derivation.place import Derivation, Place, Step, Term, total
from compare.derivation.softmax import COST, LOGIT_GRADIENT


def binary_cross_entropy(at: Place) -> np.ndarray:
    """Computed from the logits, because p may be rounded to 0 or 1."""
    return np.asarray((np.logaddexp(0, at.s) - at.Y * at.s).sum() / at.n)


def slope(at: Place) -> np.ndarray:
    """d p / d s. (n, classes)"""
    return np.asarray(at.p * (1 - at.p))


BINARY_TERMS = (
    Term(
        "loss",
        "the binary cross-entropy",
        "1/n",
        binary_cross_entropy,
        holds_n=True,
        back=(("output", "p"), ("output", "Y")),
    ),
)

SQUARED_TERMS = (
    Term(
        "loss",
        "the squared error",
        "1/2n",
        lambda at: np.asarray(np.square(at.p - at.Y).sum() / (2 * at.n)),
        holds_n=True,
        back=(("output", "p"), ("output", "Y")),
    ),
)

SQUARED_GRADIENT = (
    Term(
        "p",
        "the part with p",
        "p",
        lambda at: at.p * slope(at) / at.n,
        holds_n=True,
    ),
    Term(
        "Y",
        "the part with -Y",
        "- Y",
        lambda at: -at.Y * slope(at) / at.n,
        holds_n=True,
    ),
)

SIGMOID = Step(
    "p",
    "sigmoid of the logits",
    "p = 1 / (1 + exp(-s))",
    "Each logit as the probability of its class, whatever the others are.",
    "return np.tanh(s / 2) / 2 + 0.5",
    lambda at: expit(at.s),
)

BINARY_LOSS = Step(
    "loss",
    "binary cross-entropy",
    "loss = -1/n sum_i sum_j (Y_ij log p_ij + (1 - Y_ij) log(1 - p_ij))",
    "The sum over the classes, averaged over the minibatch, and taken from the logits: p itself "
    "may be rounded to 0 or 1.",
    "losses = log_1_exp - targets(y, s.shape[-1], 0.0, s.real.dtype) * s  # (n, classes)",
    total(BINARY_TERMS),
    "return p, losses.sum(axis=(-2, -1)) / s.shape[-2]",
    BINARY_TERMS,
)

BINARY_DIFFERENCE = Step(
    "output",
    "sigmoid and binary cross-entropy",
    "G_s = (p - Y) / n",
    "-log p = log(1 + exp(-s)) and -log(1 - p) = -log p + s, so the loss of a logit is "
    "log(1 + exp(s)) - Y s, and its derivative by s is p - Y. The mean over the minibatch divides "
    "by n.",
    "G = p - targets(y, p.shape[-1], self.smoothing, p.dtype)  # (n, classes)",
    total(LOGIT_GRADIENT),
    "G /= p.shape[-2]",
    LOGIT_GRADIENT,
)

SQUARED_LOSS = Step(
    "loss",
    "squared error",
    "loss = 1/2n sum_i sum_j (p_ij - Y_ij)^2",
    "The sum over the classes, averaged over the minibatch.",
    "return p, (away * away).sum(axis=(-2, -1)) / (2 * s.shape[-2])",
    total(SQUARED_TERMS),
    terms=SQUARED_TERMS,
)

SQUARED_DIFFERENCE = Step(
    "output",
    "sigmoid and squared error",
    "G_s = (p - Y) p (1 - p) / n",
    "The derivative of (p - Y)^2 / 2 by p is p - Y, and d p / d s is p (1 - p). The mean over the "
    "minibatch divides by n.",
    "return away * (p * (1 - p)) / p.shape[-2]",
    total(SQUARED_GRADIENT),
    terms=SQUARED_GRADIENT,
)

BINARY_END = Derivation((SIGMOID, BINARY_LOSS, COST), (), BINARY_DIFFERENCE)
SQUARED_END = Derivation((SIGMOID, SQUARED_LOSS, COST), (), SQUARED_DIFFERENCE)
