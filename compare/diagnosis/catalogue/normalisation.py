"""Mistakes inside batch norm and layer norm, which are those of the other but for their sums."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from compare.derivation import ACTIVATIONS, Place
from compare.derivation.place import Compute
from compare.diagnosis.catalogue.fault import (
    Fault,
    Mistake,
    Replacement,
    activation_at,
    normalised_after,
    normalised_before,
    with_kind,
)
from compare.diagnosis.catalogue.parameters import zero
from twingrad.network import Network

Root = Callable[[np.ndarray], np.ndarray]

Passes = tuple[dict[str, Mistake], dict[str, Mistake]]
"""Mistakes of the backward pass, and those of the forward pass."""


def mean_term(at: Place) -> np.ndarray:
    return at.spread(at.G_mu) / at.size


def variance_term(at: Place) -> np.ndarray:
    return at.spread(at.G_v) * (2 / at.size) * (at.s - at.spread(at.mu))


def over_n_less_1(*terms: Callable[[Place], np.ndarray]) -> Mistake:
    """Terms divided by n - 1 for n."""

    def mistake(at: Place, right: np.ndarray) -> np.ndarray:
        return right + sum(term(at) for term in terms) / (at.size - 1)

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
        return (at.s - at.spread(at.mu)) / at.spread(root(at.v))

    def v(at: Place, right: np.ndarray) -> np.ndarray:
        # d s_hat / d v = -s_hat slope / root
        return -(at.G_s_hat * at.s_hat).sum(axis=at.axis) * slope(at.v) / root(at.v)

    def mu(at: Place, right: np.ndarray) -> np.ndarray:
        return -at.G_s_hat.sum(axis=at.axis) / root(at.v)

    def s(at: Place, right: np.ndarray) -> np.ndarray:
        return at.G_s_hat / at.spread(root(at.v)) + mean_term(at) + variance_term(at)

    return {"v": v, "mu": mu, "s": s}, {"s_hat": s_hat}


def inside(eps: float) -> Passes:
    return rooted(lambda v: np.sqrt(v + eps), lambda v: 0.5 / np.sqrt(v + eps))


def outside(eps: float) -> Passes:
    return rooted(lambda v: np.sqrt(v) + eps, lambda v: 0.5 / np.sqrt(v))


def over_the_other_axis() -> Passes:
    """Mean and variance over the units where they belong over the samples, or the reverse."""

    def spread(at: Place, value: np.ndarray) -> np.ndarray:
        return np.expand_dims(value, 1 - at.axis)

    def centred(at: Place) -> np.ndarray:
        return at.s - spread(at, at.mu)

    def mu(at: Place) -> np.ndarray:
        return at.s.mean(axis=1 - at.axis)

    def v(at: Place) -> np.ndarray:
        return np.square(centred(at)).mean(axis=1 - at.axis)

    def s_hat(at: Place) -> np.ndarray:
        return centred(at) / spread(at, at.root)

    def G_v(at: Place) -> np.ndarray:
        return -0.5 * (at.G_s_hat * at.s_hat).sum(axis=1 - at.axis) / at.variance

    def G_mu(at: Place) -> np.ndarray:
        return -at.G_s_hat.sum(axis=1 - at.axis) / at.root

    def G_s(at: Place) -> np.ndarray:
        size = at.s.shape[1 - at.axis]
        through_v = spread(at, at.G_v) * (2 / size) * centred(at)
        return at.G_s_hat / spread(at, at.root) + spread(at, at.G_mu) / size + through_v

    backward: dict[str, Compute] = {"v": G_v, "mu": G_mu, "s": G_s}
    forward: dict[str, Compute] = {"mu": mu, "v": v, "s_hat": s_hat}
    return (
        {operation: Replacement(compute) for operation, compute in backward.items()},
        {operation: Replacement(compute) for operation, compute in forward.items()},
    )


def after_for_before() -> Passes:
    """The activation first, then the normalisation."""

    def activated(at: Place) -> np.ndarray:
        activation = activation_at(at)
        return ACTIVATIONS[activation.layer.kind].value(at.s, at.case.network)

    def mu(at: Place, right: np.ndarray) -> np.ndarray:
        return activated(at).mean(axis=at.axis)

    def v(at: Place, right: np.ndarray) -> np.ndarray:
        return np.square(activated(at) - at.spread(at.mu)).mean(axis=at.axis)

    def s_hat(at: Place, right: np.ndarray) -> np.ndarray:
        return (activated(at) - at.spread(at.mu)) / at.spread(at.root)

    def G_s(at: Place, right: np.ndarray) -> np.ndarray:
        through_v = at.spread(at.G_v) * (2 / at.size) * (activated(at) - at.spread(at.mu))
        G = at.G_s_hat / at.spread(at.root) + mean_term(at) + through_v
        activation = activation_at(at)
        return G * ACTIVATIONS[activation.layer.kind].slope(at.s, at.case.network)

    passed: dict[str, Mistake] = {"mask": lambda at, right: at.G_x, "s": G_s}
    return passed, {"mu": mu, "v": v, "s_hat": s_hat, "x": lambda at, right: at.s_tilde}


def before_for_after() -> Passes:
    """The normalisation first, then the activation."""

    def passed(at: Place) -> np.ndarray:
        """The gradient by what the activation is given now: gamma s_hat + beta."""
        activation = ACTIVATIONS[activation_at(at).layer.kind]
        given = at.gamma * at.s_hat + at.beta
        return at.G_s_tilde * activation.slope(given, at.case.network)

    def s_tilde(at: Place, right: np.ndarray) -> np.ndarray:
        return ACTIVATIONS[activation_at(at).layer.kind].value(right, at.case.network)

    backward: dict[str, Mistake] = {
        "gamma": lambda at, right: (passed(at) * at.s_hat).sum(axis=0),
        "beta": lambda at, right: passed(at).sum(axis=0),
        "s_hat": lambda at, right: passed(at) * at.gamma,
        "mask": lambda at, right: at.G_x,
    }
    return backward, {"x": lambda at, right: at.s_tilde, "s_tilde": s_tilde}


EPS_SIZES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12)


@dataclass(frozen=True)
class Words:
    """How the mistakes of one normalisation are told.

    Arguments:
        kind: of layer.
        norm: its name.
        suffix: after a fault's name, where the other normalisation has one of that name.
        n: how many values mu is the mean of.
        unbiased: how to get the biased variance.
        meant: what to do about another eps; "{eps}" stands for it.
        wrong_axis, right_axis: what mu and v were taken over, and belong over.
    """

    kind: str
    norm: str
    suffix: str
    n: str
    unbiased: str
    meant: str
    wrong_axis: str
    right_axis: str

    @property
    def Norm(self) -> str:
        """At the start of a sentence."""
        return self.norm.capitalize()

    def layers(self, network: Network) -> list[int]:
        """Where it stands."""
        return with_kind(self.kind)(network)

    def layers_before(self, network: Network) -> list[int]:
        """Where it stands before an activation."""
        return self.layers(network) if normalised_before(network) else []


BATCH_NORM = Words(
    kind="batch_norm",
    norm="batch norm",
    suffix="",
    n="n",
    unbiased="Divide by n: ddof=0, unbiased=False, or var(s, 1) in Matlab.",
    meant="Take the eps of the specification; if yours is meant, check with --eps {eps:g}.",
    wrong_axis="the units of a sample",
    right_axis="the samples of a unit",
)

LAYER_NORM = Words(
    kind="layer_norm",
    norm="layer norm",
    suffix=", layer norm",
    n="m",
    unbiased="Divide by m: ddof=0 or unbiased=False.",
    meant="Take the eps of the specification.",
    wrong_axis="the samples of a unit",
    right_axis="the units of a sample",
)


def faults_of(words: Words) -> tuple[Fault, ...]:
    """The mistakes of one normalisation."""
    norm, Norm, n, normalised = words.norm, words.Norm, words.n, words.layers
    return (
        Fault(
            "mean and variance as constants" + words.suffix,
            f"{Norm} of {{where}} passes the gradient back as if mean and variance did not depend "
            "on s.",
            "Add the terms of mu and v.",
            "s",
            normalised,
            {"s": lambda at, right: at.G_s_hat / at.spread(at.root)},
            wrong=f"+ G_mu / {n} + G_v (2/{n}) (s - mu)",
        ),
        Fault(
            "mean's term missing" + words.suffix,
            f"The term of the mean is missing from {norm}'s backward pass at {{where}}.",
            f"Add G_mu / {n}.",
            "s",
            normalised,
            {"s": lambda at, right: right - mean_term(at)},
            wrong=f"+ G_mu / {n}",
        ),
        Fault(
            "variance's term missing" + words.suffix,
            f"The term of the variance is missing from {norm}'s backward pass at {{where}}.",
            f"Add G_v (2/{n}) (s - mu).",
            "s",
            normalised,
            {"s": lambda at, right: right - variance_term(at)},
            wrong=f"+ G_v (2/{n}) (s - mu)",
        ),
        Fault(
            "variance's term halved" + words.suffix,
            "The factor 2 of the square is missing from the variance's term at {where}.",
            f"Write 2 / {n}.",
            "s",
            normalised,
            {"s": lambda at, right: right - variance_term(at) / 2},
            wrong=f"(2/{n})",
        ),
        Fault(
            "sign of the variance's term" + words.suffix,
            "The variance's term is subtracted instead of added at {where}.",
            "Mind the minus sign of d s_hat / d v.",
            "s",
            normalised,
            {"s": lambda at, right: right - 2 * variance_term(at)},
            wrong=f"+ G_v (2/{n}) (s - mu)",
        ),
        Fault(
            "sign of the mean's term" + words.suffix,
            "The mean's term is subtracted instead of added at {where}.",
            "Mind the minus sign of d s_hat / d mu.",
            "s",
            normalised,
            {"s": lambda at, right: right - 2 * mean_term(at)},
            wrong=f"+ G_mu / {n}",
        ),
        Fault(
            "variance for the root on the way back" + words.suffix,
            f"{Norm}'s backward pass divides by v + eps for its root at {{where}}.",
            "Divide by sqrt(v + eps), as the forward pass does.",
            "s",
            normalised,
            {"s": lambda at, right: right / at.spread(at.root)},
            wrong="sqrt(v + eps)",
        ),
        Fault(
            "not divided by the root" + words.suffix,
            f"{Norm}'s backward pass does not divide by sqrt(v + eps) at {{where}}.",
            "Divide by it.",
            "s",
            normalised,
            {"s": lambda at, right: right * at.spread(at.root)},
            wrong="sqrt(v + eps)",
        ),
        Fault(
            "gradients of gamma and beta exchanged" + words.suffix,
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
            "n - 1 for n, variance" + words.suffix,
            f"{Norm}'s backward pass divides the variance's term by {n} - 1 at {{where}}, but "
            f"its variance by {n}.",
            f"Write 2 / {n}.",
            "s",
            normalised,
            {"s": over_n_less_1(variance_term)},
            wrong=f"(2/{n})",
        ),
        Fault(
            "n - 1 for n, mean and variance" + words.suffix,
            f"{Norm}'s backward pass divides by {n} - 1 for {n} at {{where}}.",
            f"Write 1 / {n} and 2 / {n}.",
            "s",
            normalised,
            {"s": over_n_less_1(mean_term, variance_term)},
            wrong=f"/ {n} + G_v (2/{n})",
        ),
        Fault(
            "unbiased variance" + words.suffix,
            f"{Norm} of {{where}} normalises by the variance with {n} - 1.",
            words.unbiased,
            "v",
            normalised,
            {"s": over_n_less_1(variance_term)},
            {"v": lambda at, right: right * (at.size / (at.size - 1))},
            wrong=f"1/{n}",
        ),
        *(
            Fault(
                f"eps {eps:g}" + words.suffix,
                f"{Norm} of {{where}} adds eps = {eps:g} to the variance.",
                words.meant.format(eps=eps),
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
                f"eps {eps:g} outside the root" + words.suffix,
                f"{Norm} of {{where}} divides by sqrt(v) + eps with eps = {eps:g}.",
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
            "variance for the root" + words.suffix,
            f"{Norm} of {{where}} divides by v for sqrt(v) in both passes.",
            "Take the root.",
            "s_hat",
            normalised,
            *rooted(lambda v: v, np.ones_like),
            wrong="sqrt(v + eps)",
        ),
        Fault(
            "gamma left out" + words.suffix,
            f"The gradient passes {norm} of {{where}} without being multiplied by gamma.",
            "Multiply by gamma on the way to s_hat.",
            "s_hat",
            normalised,
            {"s_hat": lambda at, right: at.G_s_tilde},
            wrong="gamma",
        ),
        Fault(
            "gamma's gradient from s" + words.suffix,
            "The gradient of gamma at {where} takes s for s_hat.",
            "Multiply G with s_hat.",
            "gamma",
            normalised,
            {"gamma": gamma_from("s")},
            wrong="s_hat_i",
        ),
        Fault(
            "gamma's gradient from s_tilde" + words.suffix,
            "The gradient of gamma at {where} takes s_tilde for s_hat.",
            "Multiply G with s_hat.",
            "gamma",
            normalised,
            {"gamma": gamma_from("s_tilde")},
            wrong="s_hat_i",
        ),
        Fault(
            "gamma's gradient missing" + words.suffix,
            "The gradient of gamma is zero at {where}.",
            "Sum G s_hat over the samples.",
            "gamma",
            normalised,
            {"gamma": zero},
        ),
        Fault(
            "beta's gradient missing" + words.suffix,
            "The gradient of beta is zero at {where}.",
            "Sum G over the samples.",
            "beta",
            normalised,
            {"beta": zero},
        ),
        Fault(
            "G multiplied by gamma too early" + words.suffix,
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
            "gamma and beta before the mask" + words.suffix,
            "The gradients of gamma and beta are taken before the activation's mask at {where}.",
            "Mask first.",
            "gamma",
            words.layers_before,
            {
                "gamma": lambda at, right: (at.G_x * at.s_hat).sum(axis=0),
                "beta": lambda at, right: at.G_x.sum(axis=0),
            },
            wrong="G_s_tilde,i",
        ),
        Fault(
            "mean and variance over the wrong axis" + words.suffix,
            f"{Norm} of {{where}} takes mean and variance over {words.wrong_axis}.",
            f"Take them over {words.right_axis}.",
            "mu",
            normalised,
            *over_the_other_axis(),
        ),
    )


ORDER_FAULTS = (
    Fault(
        "normalisation after the activation",
        "At {where} the activation comes before the normalisation.",
        "Normalise what the affine map gives, and hand the result to the activation.",
        "mu",
        normalised_before,
        *after_for_before(),
    ),
    Fault(
        "normalisation before the activation",
        "At {where} the normalisation comes before the activation.",
        "Hand what the affine map gives to the activation, and normalise the result.",
        "x",
        normalised_after,
        *before_for_after(),
    ),
)

NORMALISATION_FAULTS = (*faults_of(BATCH_NORM), *faults_of(LAYER_NORM), *ORDER_FAULTS)
