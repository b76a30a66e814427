"""Faults with a random coefficient: a term of a step, in one or all layers, times a number."""

from collections.abc import Iterator

import numpy as np

from compare.cases import Case
from compare.derivation import Place, steps_of
from compare.diagnosis.catalogue import Candidate
from compare.diagnosis.catalogue.common import SCALINGS
from compare.diagnosis.catalogue.scaled import told
from compare.diagnosis.numbers import plain
from validation.planting import Planted, of_candidate, possible

SCALARS = ("loss", "cost")
"""Steps without drawn coefficients: their result is a single number, which any factor explains."""


def drawn(case: Case, seed: int) -> list[Planted]:
    """One fault for every term of every step; its coefficient has 3 digits and is not 0, 1 or 2."""
    return list(possible(of_candidate(case, c) for c in candidates(case, seed)))


def candidates(case: Case, seed: int) -> Iterator[Candidate]:
    """The same as candidates, each at a random layer or at all layers."""
    rng = np.random.default_rng(seed)
    for scaling in SCALINGS:
        if not scaling.layers(case.network) or scaling.operation in SCALARS:
            continue
        steps = steps_of(case.network, scaling.stage)
        layer = next(one.layer for (name, _), one in steps.items() if name == scaling.operation)
        for term in scaling.unknown:
            number = plain(float(f"{rng.uniform(0.2, 0.9) * rng.choice([-1, 1, 3.7]):.3g}"))
            belonging = scaling.belonging(Place(case, layer, {}, {}))
            fault = told(scaling, {term.name: number}, whole=belonging == {term.name})
            places = list(fault.candidates(case.network))
            yield places[rng.integers(len(places))]
