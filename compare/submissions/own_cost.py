"""Central differences of the code's own cost, beside its gradients."""

from collections.abc import Iterable, Sequence

import numpy as np

from compare.diagnosis.evidence import ROUNDING, Evidence
from compare.submissions.submission import Answer, Index

OWN_COST = 1e-5
"""Limit for central differences of a user's cost, which may be computed in many ways."""


def differs(gradient: np.ndarray, entries: Iterable[tuple[Index, float]]) -> bool:
    """Whether central differences contradict a gradient at any of these entries."""
    return any(
        abs(gradient[index] - value) > OWN_COST * max(1, abs(value)) for index, value in entries
    )


def own_cost_hints(seen: Sequence[tuple[Answer, Evidence]]) -> Iterable[str]:
    """Where gradients are wrong, whether they are at least those of the code's own cost."""
    for answer, evidence in seen:
        tried = {name: entries for name, entries in answer.own_cost.items() if entries}
        unknown = answer.wrong_shapes or answer.raw_shapes or evidence.rounding > ROUNDING
        if not tried or not evidence.wrong or unknown:
            continue  # in a low precision differences of the cost tell nothing
        contradicted = sorted(
            name
            for name, entries in tried.items()
            if name in evidence.found and differs(evidence.found[name], entries)
        )
        if contradicted:
            yield (
                "Central differences of your own cost contradict your gradients of "
                f"{', '.join(contradicted)}."
            )
            return
        # only where the differences would have shown that the right gradient is another
        wrong = [name for name in evidence.wrong if name in tried]
        if wrong and all(differs(evidence.right[name], tried[name]) for name in wrong):
            yield (
                "Central differences of your own cost agree with your gradients at "
                f"{sum(map(len, tried.values()))} entries, the furthest from the right ones "
                "among them: look for the mistake in the forward pass or the cost, not in the "
                "backward pass."
            )
            return
