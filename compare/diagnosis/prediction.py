"""What code with a fault gives, tensor by tensor, computed only as far as it is asked for.

Faults are tried by the thousand, and most are given up at the first tensor that disagrees.
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
    """Every tensor found, by its name, as the fault gives it, in order of execution.

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
    """The tensors up to one of them, or all."""
    prediction: Prediction = {}
    for name, value in predicted(evidence, candidate):
        prediction[name] = value
        if name == last:
            break
    return prediction


@dataclass(frozen=True)
class Trial:
    """How far a fault explains what was found.

    Arguments:
        candidate: which.
        residual: the largest difference left, relative to its tensor, as far as it was computed.
        stopped: the first tensor that it does not explain; None where it explains all.
        drawn: whether it has a number that only a fit accounts for.
    """

    candidate: Candidate
    residual: float
    stopped: str | None
    drawn: bool = False


def tried(evidence: Evidence, candidate: Candidate, *, drawn: bool = False) -> Trial | None:
    """How far a fault explains what was found; None where it cannot be made."""
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
