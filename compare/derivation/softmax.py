"""Softmax, loss and cost, and the gradient of the logits."""

import numpy as np

from compare.derivation.place import Derivation, Place, Step, Term, total, zero


def probabilities(at: Place) -> np.ndarray:
    exponentials = np.exp(at.s - at.s.max(axis=1, keepdims=True))  # (n, classes)
    return exponentials / exponentials.sum(axis=1, keepdims=True)  # (n, classes)


def log_probabilities(at: Place) -> np.ndarray:
    """Computed from the logits, because p may underflow. (n, classes)"""
    shifted = at.s - at.s.max(axis=1, keepdims=True)  # (n, classes)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))  # (n, classes)


def mean_cross_entropy(at: Place) -> np.ndarray:
    return np.asarray(-log_probabilities(at)[np.arange(at.n), at.case.y].sum() / at.n)


def smoothed_cross_entropy(at: Place) -> np.ndarray:
    return np.asarray(-(at.Y * log_probabilities(at)).sum() / at.n)


def squared_biases(at: Place) -> float:
    """sum_l ||b_l||^2."""
    depth = at.case.network.depth
    return float(sum(np.square(at.case.parameters[f"b{l}"]).sum() for l in range(1, depth + 1)))


def squared_weights(at: Place) -> float:
    """sum_l ||W_l||^2."""
    return float(sum(np.square(at.case.parameters[name]).sum() for name in at.case.network.weights))


MEAN_LOSS = (
    Term(
        "loss",
        "the cross-entropy",
        "1/n",
        smoothed_cross_entropy,
        holds_n=True,
        back=(("softmax", "p"), ("softmax", "Y")),
    ),
)

COST_TERMS = (
    Term("loss", "the loss", "loss", lambda at: at.loss),
    Term(
        "penalty",
        "the penalty lambda sum ||W||^2",
        "lambda sum_l ||W_l||^2",
        lambda at: np.asarray(at.penalty * squared_weights(at)),
        back=(("W", "penalty"),),
    ),
    Term(
        "penalty on b",
        "a penalty lambda sum ||b||^2",
        "",
        lambda at: np.asarray(at.penalty * squared_biases(at)),
        zero,
        back=(("b", "penalty on b"),),
    ),
)

LOGIT_GRADIENT = (
    Term("p", "the part p / n", "p", lambda at: at.p / at.n, holds_n=True),
    Term("Y", "the part -Y / n", "- Y", lambda at: -at.Y / at.n, holds_n=True),
)

SOFTMAX = Step(
    "p",
    "softmax",
    "p = exp(s) / sum_j exp(s_j)",
    "The logits of a sample as probabilities of the classes.",
    "p /= totals",
    probabilities,
)

LOSS = Step(
    "loss",
    "cross-entropy",
    "loss = -1/n sum_i log p_i,y",
    "The mean over the minibatch of minus the log of the right class's probability, taken "
    "from the logits: p itself may underflow.",
    "log_p = shifted - np.log(totals)  # (n, classes)",
    mean_cross_entropy,
    "return p, -losses.sum(axis=(-2, -1)) / s.shape[-2]",
    MEAN_LOSS,
)

SMOOTHED_LOSS = Step(
    "loss",
    "cross-entropy",
    "loss = -1/n sum_i sum_j Y_ij log p_ij",
    "The mean over the minibatch of the cross-entropy with the smoothed targets, taken from the "
    "logits: p itself may underflow.",
    "losses = targets(y, s.shape[-1], self.smoothing, s.real.dtype) * log_p  # (n, classes)",
    total(MEAN_LOSS),
    "return p, -losses.sum(axis=(-2, -1)) / s.shape[-2]",
    MEAN_LOSS,
)

COST = Step(
    "cost",
    "cost",
    "cost = loss + lambda sum_l ||W_l||^2",
    "Every weight of every layer is penalised; b, gamma and beta are not.",
    'trace["cost"] = trace["loss"] + penalties',
    total(COST_TERMS),
    "finish_trace(network, s, y, run.trace, penalty * squared_norms(network.weights, parameters))",
    COST_TERMS,
)

DIFFERENCE = Step(
    "softmax",
    "softmax and cross-entropy",
    "G_s = (p - Y) / n",
    "-sum_j Y_j log p_j = log sum_j exp(s_j) - sum_j Y_j s_j, as the Y_j add up to 1; its "
    "derivative by s_j is p_j - Y_j. The mean over the minibatch divides by n, once and for all "
    "layers.",
    "G = p - targets(y, p.shape[-1], self.smoothing, p.dtype)  # (n, classes)",
    total(LOGIT_GRADIENT),
    "G /= p.shape[-2]",
    LOGIT_GRADIENT,
)

PLAIN_END = Derivation((SOFTMAX, LOSS, COST), (), DIFFERENCE)
SMOOTHED_END = Derivation((SOFTMAX, SMOOTHED_LOSS, COST), (), DIFFERENCE)
