"""Central differences of the code's own cost, beside its gradients."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from compare.diagnosis.evidence import ROUNDING, Evidence
from compare.numerics.agreement import CaseVerdict, judge
from compare.submissions.submission import Answer, Dropped, Index

OWN_COST = 1e-5
"""Limit for central differences of a user's cost, which may be computed in many ways."""


def judge_dropout(dropped: Dropped) -> CaseVerdict:
    """Gradients with dropout on against central differences of the code's own cost."""
    tensors = [
        judge(
            f"{name} with dropout",
            "central differences of your own cost",
            np.array([slope for _, slope in entries]),
            np.array([gradient for gradient, _ in entries]),
            absolute=OWN_COST,
            entrywise=OWN_COST,
        )
        for name, entries in dropped.entries.items()
    ]
    wrong = next((t.name for t in tensors if t.verdict == "disagree"), None)
    fault = None if wrong is None else {"tensor": wrong, "pass": "backward"}
    return CaseVerdict(
        f"{dropped.case}, dropout that keeps {dropped.keep:g}", tuple(tensors), fault
    )


def dropout_sentences(dropped: Sequence[Dropped], rest_agrees: bool) -> Iterator[str]:
    """What is wrong with dropout alone."""
    wrong = [t.name for one in dropped for t in judge_dropout(one).tensors if t.verdict != "agree"]
    if wrong and rest_agrees:
        names = ", ".join(dict.fromkeys(name.split()[0] for name in wrong))
        yield (
            f"Dropout is wrong: with it the gradients of {names} are not those of your own cost; "
            "without it they are right. In the backward pass multiply by the mask of the forward "
            "pass, its 1/p included."
        )


def differs(gradient: np.ndarray, entries: Iterable[tuple[Index, float]]) -> bool:
    """Whether central differences contradict a gradient at any of these entries."""
    return any(
        abs(gradient[index] - value) > OWN_COST * max(1, abs(value)) for index, value in entries
    )


def own_cost_hints(seen: Sequence[tuple[Answer, Evidence]]) -> Iterable[str]:
    """Whether wrong gradients match the code's own cost."""
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
