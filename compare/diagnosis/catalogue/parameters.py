"""Mistakes in the gradient of a single parameter, by its own formula."""

import numpy as np

from compare.derivation import Place
from compare.diagnosis.catalogue.fault import (
    Fault,
    Mistake,
    activation_at,
    normalised,
    weights,
)


def penalty_part(at: Place) -> np.ndarray:
    """The penalty's part of the gradient of W."""
    return 2 * at.penalty * at.W


def negated(at: Place, right: np.ndarray) -> np.ndarray:
    return -right


def bias_over_the_wrong_axis(at: Place, right: np.ndarray) -> np.ndarray:
    return at.G_s.sum(axis=1)


def over_the_units(kind: str) -> Mistake:
    """The gradient of gamma or beta summed over the units of each sample."""
    if kind == "gamma":
        return lambda at, right: (at.G_s_tilde * at.s_hat).sum(axis=1)
    return lambda at, right: at.G_s_tilde.sum(axis=1)


def before_the_activation(at: Place, right: np.ndarray) -> np.ndarray:
    """W's gradient from the input of the activation below."""
    return at.G_s.T @ activation_at(at, -1).input + penalty_part(at)


def penalised_by_itself(at: Place, right: np.ndarray) -> np.ndarray:
    """W's gradient with itself in the place of W in the penalty's part."""
    return (1 + 2 * at.penalty) * (right - penalty_part(at))


def of_the_transpose(at: Place, right: np.ndarray) -> np.ndarray:
    return right.T


ALL = {"W": negated, "b": negated, "gamma": negated, "beta": negated}

PARAMETER_FAULTS = (
    Fault(
        "penalty of the gradient",
        "2 lambda times the gradient of W itself is added to it at {where}, so the penalty's part "
        "is missing and the rest is scaled by 1 + 2 lambda.",
        "Add 2 * lam * W instead.",
        "W",
        weights,
        {"W": penalised_by_itself},
        wrong="2 lambda W",
    ),
    Fault(
        "sign of all",
        "Every gradient has the wrong sign.",
        "Return the gradient of the cost, not the step of the descent.",
        "W",
        weights,
        ALL,
        everywhere=True,
    ),
    Fault(
        "bias over the wrong axis",
        "The gradient of b sums over the units instead of the samples at {where}.",
        "Sum over the samples: one number a unit is left.",
        "b",
        weights,
        {"b": bias_over_the_wrong_axis},
        wrong="sum_i",
    ),
    *(
        Fault(
            f"{kind} over the wrong axis",
            f"The gradient of {kind} sums over the units instead of the samples at {{where}}.",
            "Sum over the samples: one number a unit is left.",
            kind,
            normalised,
            {kind: over_the_units(kind)},
            wrong="sum_i",
        )
        for kind in ("gamma", "beta")
    ),
    *(
        Fault(
            f"bias {name}",
            f"The gradient of b {does} at {{where}}.",
            "Sum over the samples: one number a unit is left.",
            "b",
            weights,
            {"b": mistake},
            wrong="sum_i",
        )
        for name, does, mistake in (
            (
                "summed over everything",
                "sums over the units too, so that all units have one number",
                lambda at, right: np.full_like(right, at.G_s.sum()),
            ),
            (
                "from the gradient of W",
                "is the gradient of W summed over its inputs",
                lambda at, right: at.G_W.sum(axis=1),
            ),
            (
                "of the first sample",
                "is that of the first sample alone",
                lambda at, right: at.G_s[0],
            ),
        )
    ),
    Fault(
        "W transposed",
        "The gradient of W is transposed at {where}.",
        "G' x is (out, in); its transpose belongs to a W (in, out).",
        "W",
        weights,
        {"W": of_the_transpose},
        wrong="G_s' x",
    ),
    Fault(
        "W's gradient from s",
        "The gradient of W at {where} takes the input of the activation below, not its output.",
        "Multiply G with the x that W multiplied.",
        "W",
        lambda network: weights(network)[1:],
        {"W": before_the_activation},
        wrong="x",
    ),
)
