"""Mistakes that are a wrong coefficient: a missing or doubled term, a missing 1/n.

These are not tried one by one: `diagnosis.fitting` fits the coefficients of a step. This module
gives the fitted numbers a name and sentences; common ones are in `catalogue.common`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from compare.derivation import Place, Term, steps_of
from compare.derivation.place import zero
from compare.derivation.steps import Stage
from compare.diagnosis.catalogue.fault import Fault, Mistake, weights
from compare.diagnosis.numbers import Number
from twingrad.layers import LOSSES
from twingrad.network import Network

Coefficients = Mapping[str, Number]
"""Coefficients by name of the term."""


@dataclass(frozen=True)
class Scaling:
    """The steps of one operation, whose terms may have wrong coefficients.

    Arguments:
        operation, stage: of the steps.
        terms: their terms.
        formula: of the right step.
        kinds: of layer that have them.
        followed: of a forward pass, whether the backward pass differentiates what is computed; if
            not, it is that of the right forward pass.
    """

    operation: str
    stage: Stage
    terms: tuple[Term, ...]
    formula: str
    kinds: tuple[str, ...]
    followed: bool = False

    def layers(self, network: Network) -> list[int]:
        """Layers of the steps; a cost that the backward pass follows is wrong in every layer."""
        if self.operation == "cost" and self.followed:
            return weights(network)
        return sorted(
            l
            for (operation, l), placed in steps_of(network, self.stage).items()
            if operation == self.operation and placed.layer.kind in self.kinds
        )

    @property
    def everywhere(self) -> bool | None:
        """Layers at which the fault can be made, see `Fault`."""
        if self.operation == "cost" and self.followed:
            return True
        return None if self.layered else False

    @property
    def unknown(self) -> tuple[Term, ...]:
        """The terms whose coefficients are fitted."""
        return tuple(term for term in self.terms if term.back or not self.followed)

    @property
    def layered(self) -> bool:
        """Whether there are steps in several layers."""
        return not set(self.kinds) <= set(LOSSES)

    def belonging(self, at: Place) -> set[str]:
        """The names of the terms that the right step has."""
        return {term.name for term in self.terms if term.right(at)}

    def term(self, name: str) -> Term:
        """The term of that name."""
        return next(term for term in self.terms if term.name == name)

    def mistakes(self, coefficients: Coefficients) -> tuple[dict[str, Mistake], dict[str, Mistake]]:
        """Mistakes in the backward pass and in the forward pass."""
        own = {self.operation: scaled(lambda at: self.terms, coefficients)}
        if self.stage == "backward":
            return own, {}
        return (self.following(coefficients) if self.followed else {}), own

    def following(self, coefficients: Coefficients) -> dict[str, Mistake]:
        """The backward steps that differentiate a forward step with these coefficients."""
        back: dict[str, dict[str, Number]] = {}
        for name, number in coefficients.items():
            for operation, term in self.term(name).back:
                back.setdefault(operation, {})[term] = number
        return {operation: scaled(terms_at(operation), own) for operation, own in back.items()}


def terms_at(operation: str) -> Callable[[Place], tuple[Term, ...]]:
    """A function that returns the terms of a backward operation at a place."""
    return lambda at: steps_of(at.case.network, "backward")[operation, at.l].step.terms


def scaled(terms: Callable[[Place], tuple[Term, ...]], coefficients: Coefficients) -> Mistake:
    """A step whose terms have these coefficients."""

    def mistake(at: Place, right: np.ndarray) -> np.ndarray:
        for term in terms(at):
            if term.name in coefficients:
                surplus = coefficients[term.name].at(at) - term.right(at)
                if surplus:
                    right = right + surplus * term.compute(at)
        return right

    return mistake


def told(scaling: Scaling, coefficients: Coefficients, *, whole: bool = False) -> Fault:
    """The fault, in general words, that some terms of a step share one wrong coefficient.

    Arguments:
        whole: whether these are all the terms that the right step has.
    """
    text = " and ".join(dict.fromkeys(number.text for number in coefficients.values()))
    n = "m" if scaling.kinds == ("layer_norm",) else "n"
    text = text.replace("size", n)
    terms = [scaling.term(name) for name in coefficients]
    titles = " and ".join(term.title for term in terms)
    title = WHOLE.get((scaling.stage, scaling.operation), titles) if whole else titles
    plural = title == titles and len(terms) > 1
    foreign = all(term.right is zero for term in terms)
    does = added(text) if foreign else multiplied(text, n if terms[0].holds_n else "")
    predicate = does if not plural else does.replace("is ", "are ", 1).replace("has ", "have ", 1)
    wrong = terms[0].formula if len(terms) == 1 else ""
    if text in ("0", "-1") and f"+ {wrong}" in scaling.formula:
        wrong = f"+ {wrong}"  # all of the summand
    label = "all" if whole else " and ".join(coefficients)
    general = (
        f"{scaling.operation}: {label} times {{c}}",
        f"{title[0].upper()}{title[1:]} {predicate} at {{where}}.",
        f"The formula is {scaling.formula}.",
    )
    usual = foreign or does.startswith("is multiplied")
    words = WORDS.get((scaling.operation, label, scaling.kinds), general) if usual else general
    name, said, fix = words
    backward, forward = scaling.mistakes(coefficients)
    stage, passes = "", ""
    if scaling.stage == "forward":
        stage = "" if scaling.followed else ", forward alone"
        follows = "differentiates that" if scaling.followed else "is that of the right forward pass"
        passes = f" The backward pass {follows}." if scaling.layered else ""
    norm = ", layer norm" if scaling.kinds == ("layer_norm",) else ""
    return Fault(
        f"{name}{stage}{norm}".replace("{c}", text),
        said.replace("{c}", text) + passes,
        fix.replace("{c}", text),
        scaling.operation,
        scaling.layers,
        backward,
        forward,
        wrong=wrong,
        everywhere=scaling.everywhere,
    )


WORDS: dict[tuple[str, str, tuple[str, ...]], tuple[str, str, str]] = {
    ("W", "penalty", ("affine",)): (
        "penalty added {c} times",
        "The penalty's part 2 lambda W is added {c} times at {where}.",
        "Add 2 * lam * W, once.",
    ),
    ("down", "update", ("affine",)): (
        "W updated before it is used (eta {c})",
        "On the way down to x of {where} W has had its update already, with eta = {c}.",
        "Compute every gradient first, then update.",
    ),
    ("x", "below", ("relu",)): (
        "leaky ReLU, slope {c}",
        "The ReLU of {where} has slope {c} below 0.",
        "Cut off what is negative: max(0, s).",
    ),
    ("x", "below", ("leaky_relu",)): (
        "another slope, {c}",
        "The leaky ReLU of {where} has slope {c} below 0.",
        "Take the slope of the specification.",
    ),
    ("cost", "penalty", LOSSES): (
        "cost with {c} times the penalty",
        "The cost has {c} times lambda sum ||W||^2.",
        "Add lambda sum ||W||^2, once.",
    ),
    ("softmax", "all", ("cross_entropy",)): (
        "G times {c}",
        "Everything but the penalty's part is {c} times what it should be.",
        "G is (p - Y) / n.",
    ),
    ("loss", "loss", ("cross_entropy",)): (
        "cost times {c}",
        "The cross-entropy is {c} times what it should be.",
        "It is the mean over the minibatch.",
    ),
    **{
        ("mask", term, (kind,)): (
            f"{short} slope {{c}} below 0 on the way back",
            f"The backward pass of the {name} of {{where}} has slope {{c}} below 0.",
            "Take the slope of the forward pass.",
        )
        for kind, short, name in (("relu", "ReLU", "ReLU"), ("leaky_relu", "leaky", "leaky ReLU"))
        for term in ("below", "below and at 0")
    },
}
"""Name, description and fix, by operation, terms ("all" for the whole step) and kinds of layer."""

WHOLE = {
    **{("backward", name): f"the gradient of {name}" for name in ("W", "b", "gamma", "beta")},
    ("backward", "s"): "the gradient by the normalisation's input",
    ("backward", "mask"): "the gradient through the activation",
    ("backward", "drop"): "the gradient through dropout",
    ("backward", "output"): "the gradient of the logits",
    ("forward", "s"): "the affine map",
    ("forward", "s_hat"): "the normalised value",
    ("forward", "s_tilde"): "the scaled and shifted value",
    ("forward", "x"): "the output of the activation",
    ("forward", "x_drop"): "the output of dropout",
    ("forward", "cost"): "the cost",
}
"""Name of all terms of a step together."""


def multiplied(text: str, n: str) -> str:
    """What a wrong coefficient does to a term of the right step, in words.

    Arguments:
        n: what the term is divided by; "" for nothing.
    """
    known = {"0": "is missing", "-1": "has the wrong sign"}
    if n:
        known |= {n: f"is not divided by {n}", f"1/{n}": f"is divided by {n} twice"}
    return known.get(text, f"is multiplied by {text}")


def added(text: str) -> str:
    """What a coefficient does to a term that the right step does not have, in words."""
    return "is added" if text == "1" else f"is added with the factor {text}"
