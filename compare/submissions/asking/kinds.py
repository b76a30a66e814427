"""Tell the activation and the kind of output by the probabilities of the forward pass."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, product

import numpy as np

import manual_impl
from compare.derivation import ACTIVATIONS
from compare.derivation.units import UNITS, loss_words
from compare.numerics.functions import SMOOTH_ACTIVATIONS
from compare.submissions.asking.trying import Attempt
from compare.submissions.matching import is_close, readings
from compare.submissions.request import in_units
from compare.submissions.source import Source
from twingrad.layers import SIGMOID_LOSSES

USUAL = (0.01, 0.1, 0.2, 0.05, 0.02, 0.3, 1 / 3, 0.25, 1 / 5.5)
"""Slopes that are tried beside the constants of the file."""


@dataclass(frozen=True)
class Kinds:
    """What the network has instead of a ReLU and a softmax.

    Arguments:
        activation, slope, loss, unit: as in `CaseSpec`.
    """

    activation: str
    slope: float
    loss: str
    unit: float

    def assumed(self, classes: int) -> Iterator[tuple[str, str]]:
        """What to say about each kind that is not the usual one."""
        if self.activation != "relu":
            name = ACTIVATIONS[self.activation].name
            name += f", slope {self.slope:g}" if self.slope else ""
            yield "activation", f"{name}, as the probabilities show"
        if self.loss != "cross_entropy":
            yield "loss", loss_words(self.loss, classes, self.unit)


def other_kinds(source: Source, attempts: Iterable[Attempt]) -> Kinds | None:
    """The kinds, other than ReLU and softmax, with which an attempt's probabilities are right; None
    if there are none."""
    for tried in attempts:
        if tried.p is None or tried.outputs:
            continue
        assert tried.code is not None
        all_eps = tried.code.eps_forms if tried.spec.batch_norm else (tried.spec.eps,)
        for (activation, slope, loss), eps in product(candidates(source), all_eps):
            if activation != "relu" and not tried.spec.hidden:
                continue
            spec = replace(tried.spec, activation=activation, slope=slope, loss=loss, eps=eps)
            if is_close(tried.p, np.asarray(spec.case().forward(manual_impl)["p"])):
                spec, unit = replace(tried.spec, activation=activation, slope=slope), 1.0
                if loss != "cross_entropy":
                    loss, unit = loss_of_sigmoids(replace(tried, spec=spec))
                return Kinds(activation, slope, loss, unit)
    return None


def candidates(source: Source) -> Iterator[tuple[str, float, str]]:
    """Activations, each with the slope of a leaky ReLU, and losses, without ReLU and softmax."""
    for loss in ("cross_entropy", "binary_cross_entropy"):  # a squared error has the latter's p
        if loss != "cross_entropy":
            yield "relu", 0.0, loss
        for slope in dict.fromkeys([*source.slopes(), *USUAL]):
            yield "leaky_relu", slope, loss
        for activation in SMOOTH_ACTIVATIONS:
            yield activation, 0.0, loss


def loss_of_sigmoids(tried: Attempt) -> tuple[str, float]:
    """The loss and its unit: that of the code's cost; if it has none, that of which the gradient by
    the last b, which no penalty changes, is a multiple; else the binary cross-entropy."""
    return next(chain(losses_of_cost(tried), losses_of_b(tried)), ("binary_cross_entropy", 1.0))


def losses_of_cost(tried: Attempt) -> Iterator[tuple[str, float]]:
    """The losses, with their units, that the cost is the mean or sum of."""
    assert tried.code is not None
    for loss in SIGMOID_LOSSES if tried.cost is not None else ():
        for unit in UNITS[loss](tried.spec.classes).values():
            case = in_units(replace(tried.spec, loss=loss, unit=unit)).case()
            for _, trace in readings(case, tried.code.eps_forms):
                summed = trace["cost"] + (len(case.y) - 1) * trace["loss"]
                if any(is_close(tried.cost, unit * cost) for cost in (trace["cost"], summed)):
                    yield loss, unit


def losses_of_b(tried: Attempt) -> Iterator[tuple[str, float]]:
    """The losses, with their units, whose gradient by the last b, or its sum, is the code's."""
    name = f"b{tried.spec.network.depth}"
    found = tried.gradients.get(name)
    for loss in SIGMOID_LOSSES:
        case = replace(tried.spec, loss=loss).case()
        right = np.asarray(case.gradients(manual_impl)[name])
        for unit in UNITS[loss](tried.spec.classes).values():
            if any(is_close(found, unit * scale * right) for scale in (1, len(case.y))):
                yield loss, unit
