"""Mistakes inside batch norm."""

from collections.abc import Callable

import numpy as np

from compare.derivation import Place
from compare.diagnosis.catalogue.fault import Fault, Mistake, normalised
from compare.diagnosis.catalogue.parameters import zero

Root = Callable[[np.ndarray], np.ndarray]

Passes = tuple[dict[str, Mistake], dict[str, Mistake]]
"""Mistakes of the backward pass, and those of the forward pass."""


def mean_term(at: Place) -> np.ndarray:
    return at.G_mu / at.n


def variance_term(at: Place) -> np.ndarray:
    return at.G_v * (2 / at.n) * (at.s - at.mu)


def over_n_less_1(*terms: Callable[[Place], np.ndarray]) -> Mistake:
    """Terms divided by n - 1 for n."""

    def mistake(at: Place, right: np.ndarray) -> np.ndarray:
        return right + sum(term(at) for term in terms) / (at.n - 1)

    return mistake


def gamma_from(kind: str) -> Mistake:
    """gamma's gradient from something else than s_hat."""
    return lambda at, right: (at.G_s_tilde * getattr(at, kind)).sum(axis=0)


def rooted(root: Root, slope: Root) -> Passes:
    """Both passes with another denominator of s_hat.

    Arguments:
        root: the denominator from v.
        slope: its derivative by v.
    """

    def s_hat(at: Place, right: np.ndarray) -> np.ndarray:
        return (at.s - at.mu) / root(at.v)

    def v(at: Place, right: np.ndarray) -> np.ndarray:
        # d s_hat / d v = -s_hat slope / root
        return -(at.G_s_hat * at.s_hat).sum(axis=0) * slope(at.v) / root(at.v)

    def mu(at: Place, right: np.ndarray) -> np.ndarray:
        return -at.G_s_hat.sum(axis=0) / root(at.v)

    def s(at: Place, right: np.ndarray) -> np.ndarray:
        return at.G_s_hat / root(at.v) + mean_term(at) + variance_term(at)

    return {"v": v, "mu": mu, "s": s}, {"s_hat": s_hat}


def inside(eps: float) -> Passes:
    return rooted(lambda v: np.sqrt(v + eps), lambda v: 0.5 / np.sqrt(v + eps))


def outside(eps: float) -> Passes:
    return rooted(lambda v: np.sqrt(v) + eps, lambda v: 0.5 / np.sqrt(v))


EPS_SIZES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12)

NORMALISATION_FAULTS = (
    Fault(
        "mean and variance as constants",
        "Batch norm of {where} passes the gradient back as if mean and variance did not depend "
        "on s.",
        "Add the terms of mu and v.",
        "s",
        normalised,
        {"s": lambda at, right: at.G_s_hat / at.root},
        wrong="+ G_mu / n + G_v (2/n) (s - mu)",
    ),
    Fault(
        "mean's term missing",
        "The term of the mean is missing from batch norm's backward pass at {where}.",
        "Add G_mu / n.",
        "s",
        normalised,
        {"s": lambda at, right: right - mean_term(at)},
        wrong="+ G_mu / n",
    ),
    Fault(
        "variance's term missing",
        "The term of the variance is missing from batch norm's backward pass at {where}.",
        "Add G_v (2/n) (s - mu).",
        "s",
        normalised,
        {"s": lambda at, right: right - variance_term(at)},
        wrong="+ G_v (2/n) (s - mu)",
    ),
    Fault(
        "variance's term halved",
        "The factor 2 of the square is missing from the variance's term at {where}.",
        "Write 2 / n.",
        "s",
        normalised,
        {"s": lambda at, right: right - variance_term(at) / 2},
        wrong="(2/n)",
    ),
    Fault(
        "sign of the variance's term",
        "The variance's term is subtracted instead of added at {where}.",
        "Mind the minus sign of d s_hat / d v.",
        "s",
        normalised,
        {"s": lambda at, right: right - 2 * variance_term(at)},
        wrong="+ G_v (2/n) (s - mu)",
    ),
    Fault(
        "sign of the mean's term",
        "The mean's term is subtracted instead of added at {where}.",
        "Mind the minus sign of d s_hat / d mu.",
        "s",
        normalised,
        {"s": lambda at, right: right - 2 * mean_term(at)},
        wrong="+ G_mu / n",
    ),
    Fault(
        "variance for the root on the way back",
        "Batch norm's backward pass divides by v + eps for its root at {where}.",
        "Divide by sqrt(v + eps), as the forward pass does.",
        "s",
        normalised,
        {"s": lambda at, right: right / at.root},
        wrong="sqrt(v + eps)",
    ),
    Fault(
        "not divided by the root",
        "Batch norm's backward pass does not divide by sqrt(v + eps) at {where}.",
        "Divide by it.",
        "s",
        normalised,
        {"s": lambda at, right: right * at.root},
        wrong="sqrt(v + eps)",
    ),
    Fault(
        "gradients of gamma and beta exchanged",
        "The gradients of gamma and beta are exchanged at {where}.",
        "Check the order in which they are returned.",
        "gamma",
        normalised,
        {
            "gamma": lambda at, right: at.G_s_tilde.sum(axis=0),
            "beta": lambda at, right: (at.G_s_tilde * at.s_hat).sum(axis=0),
        },
    ),
    Fault(
        "n - 1 for n, variance",
        "Batch norm's backward pass divides the variance's term by n - 1 at {where}, but its "
        "variance by n.",
        "Write 2 / n.",
        "s",
        normalised,
        {"s": over_n_less_1(variance_term)},
        wrong="(2/n)",
    ),
    Fault(
        "n - 1 for n, mean and variance",
        "Batch norm's backward pass divides by n - 1 for n at {where}.",
        "Write 1 / n and 2 / n.",
        "s",
        normalised,
        {"s": over_n_less_1(mean_term, variance_term)},
        wrong="/ n + G_v (2/n)",
    ),
    Fault(
        "unbiased variance",
        "Batch norm of {where} normalises by the variance with n - 1.",
        "Divide by n: ddof=0, unbiased=False, or var(s, 1) in Matlab.",
        "v",
        normalised,
        {"s": over_n_less_1(variance_term)},
        {"v": lambda at, right: right * (at.n / (at.n - 1))},
        wrong="1/n",
    ),
    *(
        Fault(
            f"eps {eps:g}",
            f"Batch norm of {{where}} adds eps = {eps:g} to the variance.",
            f"Take the eps of the specification; if yours is meant, check with --eps {eps:g}.",
            "s_hat",
            normalised,
            *inside(eps),
            wrong="eps",
            everywhere=True,
        )
        for eps in EPS_SIZES
    ),
    *(
        Fault(
            f"eps {eps:g} outside the root",
            f"Batch norm of {{where}} divides by sqrt(v) + eps with eps = {eps:g}.",
            "Add eps under the root, and take the eps that the specification has.",
            "s_hat",
            normalised,
            *outside(eps),
            wrong="sqrt(v + eps)",
            everywhere=True,
        )
        for eps in EPS_SIZES
    ),
    Fault(
        "variance for the root",
        "Batch norm of {where} divides by v for sqrt(v) in both passes.",
        "Take the root.",
        "s_hat",
        normalised,
        *rooted(lambda v: v, np.ones_like),
        wrong="sqrt(v + eps)",
    ),
    Fault(
        "gamma left out",
        "The gradient passes batch norm of {where} without being multiplied by gamma.",
        "Multiply by gamma on the way to s_hat.",
        "s_hat",
        normalised,
        {"s_hat": lambda at, right: at.G_s_tilde},
        wrong="gamma",
    ),
    Fault(
        "gamma's gradient from s",
        "The gradient of gamma at {where} takes s for s_hat.",
        "Multiply G with s_hat.",
        "gamma",
        normalised,
        {"gamma": gamma_from("s")},
        wrong="s_hat_i",
    ),
    Fault(
        "gamma's gradient from s_tilde",
        "The gradient of gamma at {where} takes s_tilde for s_hat.",
        "Multiply G with s_hat.",
        "gamma",
        normalised,
        {"gamma": gamma_from("s_tilde")},
        wrong="s_hat_i",
    ),
    Fault(
        "gamma's gradient missing",
        "The gradient of gamma is zero at {where}.",
        "Sum G s_hat over the samples.",
        "gamma",
        normalised,
        {"gamma": zero},
    ),
    Fault(
        "beta's gradient missing",
        "The gradient of beta is zero at {where}.",
        "Sum G over the samples.",
        "beta",
        normalised,
        {"beta": zero},
    ),
    Fault(
        "G multiplied by gamma too early",
        "G is multiplied by gamma before the gradients of gamma and beta are taken at {where}.",
        "Take the gradients of gamma and beta first.",
        "gamma",
        normalised,
        {
            "gamma": lambda at, right: right * at.gamma,
            "beta": lambda at, right: right * at.gamma,
        },
        wrong="G_s_tilde,i",
    ),
    Fault(
        "gamma and beta before the mask",
        "The gradients of gamma and beta are taken before the ReLU's mask at {where}.",
        "Mask first.",
        "gamma",
        normalised,
        {
            "gamma": lambda at, right: (at.G_x * at.s_hat).sum(axis=0),
            "beta": lambda at, right: at.G_x.sum(axis=0),
        },
        wrong="G_s_tilde,i",
    ),
)
