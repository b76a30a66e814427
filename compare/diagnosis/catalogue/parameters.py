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
    """What the penalty adds to the gradient of W."""
    return 2 * at.penalty * at.W


def scale_penalty(factor: float) -> Mistake:
    """The penalty's part times a factor."""
    return lambda at, right: right + (factor - 1) * penalty_part(at)


def scale_data(factor: float) -> Mistake:
    """The data's part of W's gradient times a factor."""
    return lambda at, right: factor * (right - penalty_part(at)) + penalty_part(at)


def data_times_n(at: Place, right: np.ndarray) -> np.ndarray:
    return scale_data(at.n)(at, right)


def data_over_n(at: Place, right: np.ndarray) -> np.ndarray:
    return scale_data(1 / at.n)(at, right)


def times_n(at: Place, right: np.ndarray) -> np.ndarray:
    return right * at.n


def over_n(at: Place, right: np.ndarray) -> np.ndarray:
    return right / at.n


def negated(at: Place, right: np.ndarray) -> np.ndarray:
    return -right


def zero(at: Place, right: np.ndarray) -> np.ndarray:
    return np.zeros_like(right)


def penalised(name: str) -> Mistake:
    """A penalty on a parameter that carries none."""

    def mistake(at: Place, right: np.ndarray) -> np.ndarray:
        return right + 2 * at.penalty * getattr(at, name)

    return mistake


def bias_over_the_wrong_axis(at: Place, right: np.ndarray) -> np.ndarray:
    return at.G_s.sum(axis=1)


def over_the_units(kind: str) -> Mistake:
    """The gradient of gamma or beta summed over the units of each sample."""
    if kind == "gamma":
        return lambda at, right: (at.G_s_tilde * at.s_hat).sum(axis=1)
    return lambda at, right: at.G_s_tilde.sum(axis=1)


def before_the_activation(at: Place, right: np.ndarray) -> np.ndarray:
    """W's gradient from what the activation below was given."""
    return at.G_s.T @ activation_at(at, -1).input + penalty_part(at)


def of_the_transpose(at: Place, right: np.ndarray) -> np.ndarray:
    return right.T


ALL = {"W": negated, "b": negated, "gamma": negated, "beta": negated}

PARAMETER_FAULTS = (
    Fault(
        "penalty missing",
        "The penalty's part 2 lambda W is missing from the gradient of W at {where}.",
        "Add 2 * lam * W there.",
        "W",
        weights,
        {"W": scale_penalty(0)},
        wrong="2 lambda W",
    ),
    Fault(
        "lambda for 2 lambda",
        "The gradient of the penalty lambda ||W||^2 is 2 lambda W, but half of that was added "
        "at {where}.",
        "Write 2 * lam * W; or, if your cost has lambda/2 ||W||^2, give your cost function too.",
        "W",
        weights,
        {"W": scale_penalty(0.5)},
        wrong="2 lambda W",
    ),
    Fault(
        "2 lambda for lambda",
        "The penalty's part is twice what belongs to this cost at {where}.",
        "Halve it: the factor 2 of the square is there already.",
        "W",
        weights,
        {"W": scale_penalty(2)},
        wrong="2 lambda W",
    ),
    Fault(
        "penalty subtracted",
        "The penalty's part 2 lambda W is subtracted instead of added at {where}.",
        "Turn its sign.",
        "W",
        weights,
        {"W": scale_penalty(-1)},
        wrong="+ 2 lambda W",
    ),
    Fault(
        "penalty divided by n",
        "The penalty's part is divided by n at {where}, but only the loss is a mean.",
        "Divide the data's part alone.",
        "W",
        weights,
        {"W": lambda at, right: scale_penalty(1 / at.n)(at, right)},
        wrong="2 lambda W",
    ),
    *(
        Fault(
            f"penalty on {name}",
            f"A penalty's part 2 lambda {name} is in the gradient of {name} at {{where}}, but only "
            "W is penalised.",
            f"Leave {name} out of the penalty.",
            name,
            where,
            {name: penalised(name)},
        )
        for name, where in (("b", weights), ("gamma", normalised), ("beta", normalised))
    ),
    Fault(
        "W not divided by n",
        "The data's part of the gradient of W is not divided by n at {where}.",
        "Divide by n, there or once in G.",
        "W",
        weights,
        {"W": data_times_n},
        wrong="G_s' x",
    ),
    Fault(
        "W divided by n twice",
        "The data's part of the gradient of W is divided by n twice at {where}.",
        "G holds 1/n already.",
        "W",
        weights,
        {"W": data_over_n},
        wrong="G_s' x",
    ),
    *(
        Fault(
            f"{name} {how}",
            f"The gradient of {name} {is_} at {{where}}.",
            fix,
            name,
            where,
            {name: mistake},
            wrong="sum_i",
        )
        for name, where in (("b", weights), ("gamma", normalised), ("beta", normalised))
        for how, is_, fix, mistake in (
            (
                "not divided by n",
                "is not divided by n",
                "Divide by n, there or once in G.",
                times_n,
            ),
            (
                "meaned twice",
                "is a mean over samples of what holds 1/n already",
                "Sum over the samples; G holds 1/n.",
                over_n,
            ),
        )
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
    *(
        Fault(
            f"sign of {name}",
            f"The gradient of {name} has the wrong sign at {{where}}.",
            "Turn it.",
            name,
            where,
            {name: negated},
            everywhere=False,
        )
        for name, where in (
            ("W", weights),
            ("b", weights),
            ("gamma", normalised),
            ("beta", normalised),
        )
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
    Fault(
        "bias missing",
        "The gradient of b is zero at {where}.",
        "Sum G over the samples.",
        "b",
        weights,
        {"b": zero},
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
