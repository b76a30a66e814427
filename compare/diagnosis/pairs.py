"""Pairs of faults, tried by the thousand: each is given up at the first tensor that disagrees."""

from collections.abc import Iterable, Iterator

import numpy as np

from compare.derivation import forward_pass, steps_of
from compare.diagnosis.catalogue.fault import Candidate, Inapplicable
from compare.diagnosis.evidence import Evidence
from twingrad.network import Gradients, Trace


def explaining_pairs(
    evidence: Evidence, pairs: Iterable[Candidate]
) -> Iterator[tuple[Candidate, float]]:
    """The pairs that explain every value found, with the residual that is left.

    What `Candidate.predict` would give in full is computed here in order of execution and only
    as far as it agrees; pairs with the same mistakes of the forward pass share that pass.
    """
    traces: dict[tuple[object, ...], Trace | None] = {}
    for pair in pairs:
        key = tuple((part.fault.name, part.layers) for part in pair.parts if part.fault.forward)
        if key not in traces:
            traces[key] = agreeing_trace(evidence, pair)
        trace = traces[key]
        if trace is None:
            continue
        residual = agreeing_gradients(evidence, pair, trace)
        if residual is not None:
            yield pair, residual * evidence.rounding


def agreeing_trace(evidence: Evidence, pair: Candidate) -> Trace | None:
    """The forward pass with these mistakes; None where it contradicts a value found."""
    with np.errstate(all="ignore"):  # a mistake may well divide by zero
        try:
            trace = forward_pass(evidence.case, pair.changes("forward", evidence.case.network))
        except (ValueError, Inapplicable):
            return None
    found = (name for name in trace if f"forward {name}" in evidence.found)
    agrees = all(evidence.error(f"forward {name}", trace[name]) <= 1 for name in found)
    return trace if agrees else None


def agreeing_gradients(evidence: Evidence, pair: Candidate, trace: Trace) -> float | None:
    """The largest error of a gradient, in what rounding allows; None where one is beyond."""
    changes = pair.changes("backward", evidence.case.network)
    gradients: Gradients = {}
    worst = 0.0
    with np.errstate(all="ignore"):
        for placed in steps_of(evidence.case.network, "backward").values():
            name = placed.name
            try:
                value = placed.compute(evidence.case, trace, gradients, changes)
            except (ValueError, Inapplicable):
                return None
            gradients[name] = value
            if name in evidence.found:
                error = evidence.error(name, value)
                if not error <= 1:
                    return None
                worst = max(worst, error)
    return worst
