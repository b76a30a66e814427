"""Tell the activation by the probabilities of the forward pass."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product

import numpy as np

import manual_impl
from compare.numerics.functions import SMOOTH_ACTIVATIONS
from compare.submissions.asking.trying import Attempt
from compare.submissions.matching import is_close
from compare.submissions.source import Source

USUAL = (0.01, 0.1, 0.2, 0.05, 0.02, 0.3, 1 / 3, 0.25, 1 / 5.5)
"""Slopes that are tried beside the constants of the file."""


def other_activation(source: Source, attempts: Iterable[Attempt]) -> tuple[str, float] | None:
    """The activation, other than the ReLU, with which an attempt's probabilities are right, and the
    slope of a leaky ReLU; None if there is none."""
    for tried in attempts:
        if tried.p is None or tried.outputs or not tried.spec.hidden:
            continue
        assert tried.code is not None
        all_eps = tried.code.eps_forms if tried.spec.batch_norm else (tried.spec.eps,)
        for (activation, slope), eps in product(candidates(source), all_eps):
            spec = replace(tried.spec, activation=activation, slope=slope, eps=eps)
            if is_close(tried.p, np.asarray(spec.case().forward(manual_impl)["p"])):
                return activation, slope
    return None


def candidates(source: Source) -> Iterator[tuple[str, float]]:
    """Activations other than the ReLU, each with the slope of a leaky ReLU."""
    for slope in dict.fromkeys([*source.slopes(), *USUAL]):
        yield "leaky_relu", slope
    for activation in SMOOTH_ACTIVATIONS:
        yield activation, 0.0
