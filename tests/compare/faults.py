"""Implementations with one mistake each, to try the checker on."""

from types import SimpleNamespace

import numpy as np

import manual_impl
from compare.cases import Case
from compare.diagnosis.catalogue import FAULTS as CATALOGUE
from tests.support import arrays


def with_gradients(change):
    """The manual implementation whose gradients pass through `change(gradients, case)`."""

    def gradients(network, parameters, X, y, *, penalty, masks=None):
        case = Case("", network, parameters, X, y, penalty, masks or {})
        return change(arrays(case.gradients(manual_impl)), case)

    return SimpleNamespace(forward=manual_impl.forward, gradients=gradients)


def of_the_catalogue(name, layer=None):
    """A fault of the catalogue's backward pass as such a change; at every layer without one."""
    (fault,) = (fault for fault in CATALOGUE if fault.name == name)

    def change(right, case):
        candidates = list(fault.candidates(case.network))
        fits = [c for c in candidates if (c.layer == layer if layer else c.every)]
        predicted = (fits or candidates)[0].predict(case)
        return {name: predicted[name] for name in right}

    change.__name__ = f"{name} {layer or ''}".strip()
    return change


def float32_posing_as_float64(right, case):
    return {name: value.astype(np.float32).astype(float) for name, value in right.items()}


no_penalty_on_layer_1 = of_the_catalogue("penalty missing", 1)

FAULTS = [
    no_penalty_on_layer_1,
    of_the_catalogue("lambda for 2 lambda"),
    of_the_catalogue("b meaned twice", 3),
    of_the_catalogue("not divided by n"),
    of_the_catalogue("sign of W", 2),
    of_the_catalogue("variance's term missing", 1),
    of_the_catalogue("gamma's gradient from s_tilde", 1),
    float32_posing_as_float64,
]
