"""Gradients that are returned as those of another parameter."""

from collections.abc import Iterator, Sequence

import numpy as np

from compare.diagnosis.evidence import Evidence
from compare.numerics.structure import is_value


def exchanged(seen: Sequence[Evidence]) -> Iterator[str]:
    """Which wrong gradients are those of other parameters in every case where something is wrong.

    Arguments:
        seen: the values of each case.
    """
    pairs = [set(exchanged_in(evidence)) for evidence in seen if evidence.wrong]
    for name, other in sorted(set.intersection(*pairs)) if pairs else ():
        yield f"What is returned as the gradient of {name} is the gradient of {other}."


def exchanged_in(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """The wrong gradients of one case, each with the parameter whose gradient it is.

    Below a batch norm the gradient of b is rounding alone, which only the very same digits
    identify.
    """
    parameters = [name for name in evidence.found if name in evidence.case.parameters]
    for name in evidence.wrong:
        if is_value(name) or name not in parameters:
            continue
        value = evidence.found[name]
        for other in parameters:
            if other == name or other in evidence.wrong or not value.any():
                continue
            if np.array_equal(value, evidence.found[other]):
                yield name, other
