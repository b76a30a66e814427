"""Mistakes in batch norm and layer norm."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from compare.derivation import ACTIVATIONS, Place
from compare.derivation.place import Compute
from compare.diagnosis.catalogue.fault import (
    Fault,
    Inapplicable,
    Mistake,
    Replacement,
    activation_at,
    layer_at,
    normalised_after,
    normalised_before,
    with_kind,
)
from compare.diagnosis.catalogue.parameters import penalty_part
from twingrad.network import Network

Passes = tuple[dict[str, Mistake], dict[str, Mistake]]
"""Mistakes of the backward pass, and those of the forward pass."""


def mean_term(at: Place) -> np.ndarray:
    return at.spread(at.G_mu) / at.size


def variance_term(at: Place) -> np.ndarray:
    return at.spread(at.G_v) * (2 / at.size) * (at.s - at.spread(at.mu))


def gamma_from(kind: str) -> Mistake:
    """gamma's gradient from a value other than s_hat."""
    return lambda at, right: (at.G_s_tilde * getattr(at, kind)).sum(axis=0)


Denominator = Callable[[Place], np.ndarray]
"""The denominator of s_hat, in the shape of mu."""


def divided_by(root: Denominator) -> dict[str, Mistake]:
    """The forward pass with another denominator."""
    return {"s_hat": lambda at, right: (at.s - at.spread(at.mu)) / at.spread(root(at))}


def back_through(root: Denominator, slope: Denominator) -> dict[str, Mistake]:
    """The backward pass of s_hat = (s - mu) / root, where slope is d root / d v.

    It computes s - mu from s, so it is right for any s_hat.
    """

    def v(at: Place, right: np.ndarray) -> np.ndarray:
        along = (at.G_s_hat * (at.s - at.spread(at.mu))).sum(axis=at.axis)
        return -along * slope(at) / root(at) ** 2

    def mu(at: Place, right: np.ndarray) -> np.ndarray:
        return -at.G_s_hat.sum(axis=at.axis) / root(at)

    def s(at: Place, right: np.ndarray) -> np.ndarray:
        return at.G_s_hat / at.spread(root(at)) + mean_term(at) + variance_term(at)

    return {"v": v, "mu": mu, "s": s}


def roots_of(offset: int) -> tuple[Denominator, Denominator]:
    """The root of a layer above or below, and its slope."""

    def root(at: Place) -> np.ndarray:
        other = layer_at(at, "normalization", offset)
        if other.v.shape != at.v.shape:
            raise Inapplicable
        return other.root

    return root, halved(root)


def right_root(at: Place) -> np.ndarray:
    return at.root


def halved(root: Denominator) -> Denominator:
    """The derivative of a square root: 1/2 / root."""
    return lambda at: 0.5 / root(at)


def ways_back(root: Denominator, slope: Denominator) -> dict[str, dict[str, Mistake]]:
    """The backward passes that may be combined with a wrong denominator, by suffix of the fault's
    name."""
    return {
        "": back_through(root, slope),
        ", formula of the root": back_through(root, halved(root)),
        ", forward alone": {},
        ", forward alone, from s": back_through(right_root, halved(right_root)),
    }


BACK = {
    "": "The backward pass differentiates that.",
    ", formula of the root": "The backward pass takes it for sqrt(v + eps).",
    ", forward alone": "The backward pass divides by sqrt(v + eps).",
    ", forward alone, from s": "The backward pass divides by sqrt(v + eps).",
}
"""Sentence about the backward pass, by suffix of the fault's name."""


@dataclass(frozen=True)
class Eps:
    """A normalisation with another eps, whose size is fitted.

    Arguments:
        words: of the normalisation.
        place: "inside" the root or "outside".
        back: one of `BACK`.
    """

    words: "Words"
    place: str
    back: str

    sizes = (1e-1, 1e-3, 1e-5, 1e-8, 1e-12)

    def fault(self, eps: float) -> Fault:
        """The mistake with this eps."""
        norm, outside = self.words.Norm, self.place == "outside"

        def root(at: Place) -> np.ndarray:
            return np.sqrt(at.v) + eps if outside else np.sqrt(at.v + eps)

        def slope(at: Place) -> np.ndarray:
            return np.asarray(0.5 / (np.sqrt(at.v) if outside else np.sqrt(at.v + eps)))

        where = " outside the root" if outside else ""
        said = (
            f"{norm} of {{where}} divides by sqrt(v) + eps with eps = {eps:g}."
            if outside
            else f"{norm} of {{where}} adds eps = {eps:g} to the variance."
        )
        fix = "Add eps under the root, and take the eps that the specification has."
        return Fault(
            f"eps {eps:g}{where}{self.back}{self.words.suffix}",
            said + (f" {BACK[self.back]}" if outside or self.back else ""),
            fix if outside else self.words.meant.format(eps=eps),
            "s_hat",
            self.words.layers,
            ways_back(root, slope)[self.back],
            divided_by(root),
            wrong="sqrt(v + eps)" if outside else "eps",
            everywhere=True,
        )


def over_the_other_axis() -> Passes:
    """Mean and variance over the wrong axis."""

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
    """Normalisation after the activation instead of before."""

    def activated(at: Place) -> np.ndarray:
        activation = activation_at(at)
        return ACTIVATIONS[activation.layer.kind].value(at.s, at.slope)

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
        return G * ACTIVATIONS[activation.layer.kind].slope(at.s, at.slope)

    passed: dict[str, Mistake] = {"mask": lambda at, right: at.G_x, "s": G_s}
    return passed, {"mu": mu, "v": v, "s_hat": s_hat, "x": lambda at, right: at.s_tilde}


def before_for_after() -> Passes:
    """Normalisation before the activation instead of after."""

    def passed(at: Place) -> np.ndarray:
        """The gradient of gamma s_hat + beta, now the activation's input."""
        activation = ACTIVATIONS[activation_at(at).layer.kind]
        given = at.gamma * at.s_hat + at.beta
        return at.G_s_tilde * activation.slope(given, at.slope)

    def s_tilde(at: Place, right: np.ndarray) -> np.ndarray:
        return ACTIVATIONS[activation_at(at).layer.kind].value(right, at.slope)

    backward: dict[str, Mistake] = {
        "gamma": lambda at, right: (passed(at) * at.s_hat).sum(axis=0),
        "beta": lambda at, right: passed(at).sum(axis=0),
        "s_hat": lambda at, right: passed(at) * at.gamma,
        "mask": lambda at, right: at.G_x,
    }
    return backward, {"x": lambda at, right: at.s_tilde, "s_tilde": s_tilde}


@dataclass(frozen=True)
class Words:
    """The wording of one normalisation's mistakes.

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
        """The name at the start of a sentence."""
        return self.norm.capitalize()

    def layers(self, network: Network) -> list[int]:
        """The layers that contain it."""
        return with_kind(self.kind)(network)

    def layers_before(self, network: Network) -> list[int]:
        """The layers that contain it before an activation."""
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
    norm, Norm, normalised = words.norm, words.Norm, words.layers
    return (
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
            "passed by on the way back" + words.suffix,
            f"The gradient of the output of {norm} is taken for that of its input at {{where}}: "
            "its backward pass is left out, or its result is not used.",
            f"Send the gradient through {norm} before it reaches the affine map.",
            "s",
            normalised,
            {"s": lambda at, right: at.G_s_tilde},
            wrong="G_s_hat",
        ),
        Fault(
            "gradients before the way back" + words.suffix,
            f"The gradients of W and b at {{where}} are taken before {norm}'s backward pass, from "
            "the gradient of its output.",
            f"Take them from what {norm}'s backward pass returns.",
            "W",
            words.layers_before,
            {
                "W": lambda at, right: at.G_s_tilde.T @ at.input + penalty_part(at),
                "b": lambda at, right: at.G_s_tilde.sum(axis=0),
            },
            wrong="G_s",
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
        *(
            Fault(
                f"{name}{way}{words.suffix}",
                f"{said} {BACK[way]}",
                fix,
                "s_hat",
                normalised,
                back,
                divided_by(root),
                wrong="sqrt(v + eps)",
            )
            for name, said, fix, root, slope in (
                (
                    "variance for the root",
                    f"{Norm} of {{where}} divides by v instead of sqrt(v).",
                    "Take the root.",
                    lambda at: at.v,
                    lambda at: np.ones_like(at.v),
                ),
                (
                    "not divided by the root, forward",
                    f"{Norm} of {{where}} does not divide by sqrt(v + eps).",
                    "Divide by it.",
                    lambda at: np.ones_like(at.v),
                    lambda at: np.zeros_like(at.v),
                ),
            )
            for way, back in ways_back(root, slope).items()
        ),
        *(
            Fault(
                f"{name}{words.suffix}",
                said,
                fix,
                "s_hat",
                normalised,
                back_through(right_root, halved(right_root)),
                divided_by(lambda at: np.full_like(at.v, at.root[0])),
                wrong="sqrt(v + eps)",
            )
            for name, said, fix in (
                (
                    "every unit by the first unit's variance",
                    f"{Norm} of {{where}} divides every unit by the first unit's sqrt(v + eps); "
                    "the backward pass takes each unit's own.",
                    "Divide each unit by its own: np.diag of an (m, 1) array is its first entry "
                    "alone; use np.diag(v[:, 0]), or plain division.",
                ),
            )
            if words is BATCH_NORM
        ),
        *(
            Fault(
                f"root of the layer {direction} on the way back{words.suffix}",
                f"{Norm}'s backward pass at {{where}} divides by sqrt(v + eps) of the layer "
                f"{direction}.",
                "Check the index of the layer.",
                "v",
                normalised,
                back_through(*roots_of(offset)),
                wrong="(v + eps)",
                everywhere=False,
            )
            for direction, offset in (("above", 1), ("below", -1))
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

EPS = tuple(
    Eps(words, place, back)
    for words in (BATCH_NORM, LAYER_NORM)
    for place in ("inside", "outside")
    for back in BACK
    if place == "outside" or back != ", formula of the root"
)
