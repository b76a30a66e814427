"""The values of code with a fault, computed tensor by tensor.

Thousands of faults are tried, and most are rejected at the first tensor that differs, so later ones
are computed only if needed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from compare.derivation import Changes, steps_of
from compare.derivation.steps import STAGES
from compare.diagnosis.catalogue.fault import Candidate, Inapplicable, Prediction
from compare.diagnosis.evidence import Evidence
from compare.numerics.structure import VALUE
from twingrad.network import Gradients, Trace


def predicted(evidence: Evidence, candidate: Candidate | None) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name and value of every tensor found, as code with the fault computes it.

    Raises:
        Inapplicable: it cannot be made here.
    """
    network, found = evidence.case.network, evidence.found
    changed = False
    values: tuple[Trace, Gradients] = ({}, {})
    for stage, computed, before in zip(STAGES, values, (VALUE, ""), strict=True):
        changes: Changes = {} if candidate is None else candidate.changes(stage, network)
        for place, placed in steps_of(network, stage).items():
            name = f"{before}{placed.name}"
            changed = changed or place in changes
            if not changed:
                computed[placed.name] = evidence.right[name]
            else:
                with np.errstate(all="ignore"):  # a mistake may well divide by zero
                    try:
                        computed[placed.name] = placed.compute(evidence.case, *values, changes)
                    except ValueError as error:  # one mistake's shape does not fit the other's
                        raise Inapplicable from error
            if name in found:
                yield name, computed[placed.name]


def until(evidence: Evidence, candidate: Candidate | None, last: str | None) -> Prediction:
    """The tensors up to and including one of them; all if it is None."""
    prediction: Prediction = {}
    for name, value in predicted(evidence, candidate):
        prediction[name] = value
        if name == last:
            break
    return prediction


@dataclass(frozen=True)
class Trial:
    """The agreement of a fault with the values found.

    Arguments:
        candidate: the fault.
        residual: largest difference relative to its tensor, among the tensors computed.
        stopped: the first tensor that the fault does not explain; None if it explains all.
        drawn: whether it contains a fitted number that nobody would write.
    """

    candidate: Candidate
    residual: float
    stopped: str | None
    drawn: bool = False


def tried(evidence: Evidence, candidate: Candidate, *, drawn: bool = False) -> Trial | None:
    """Compare a fault with the values found; None if the fault cannot be made here."""
    worst = 0.0
    try:
        for name, value in predicted(evidence, candidate):
            error = evidence.error(name, value)
            if not error <= 1:
                return Trial(candidate, max(worst, error) * evidence.rounding, name, drawn)
            worst = max(worst, error)
    except Inapplicable:
        return None
    return Trial(candidate, worst * evidence.rounding, None, drawn)
