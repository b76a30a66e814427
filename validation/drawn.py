"""Coefficients drawn at random: a term of one step, in one layer or in all, times any number."""

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
"""Steps that give a single number, which any factor explains: no factor is drawn for them."""


def drawn(case: Case, seed: int) -> list[Planted]:
    """One number for every term of every step, with three digits, never 0, 1 or 2."""
    return list(possible(of_candidate(case, c) for c in candidates(case, seed)))


def candidates(case: Case, seed: int) -> Iterator[Candidate]:
    """At a layer, or at all, drawn too."""
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
