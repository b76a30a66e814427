"""A small number that code adds to the probabilities before their logarithm."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

import manual_impl
from compare.cases import Case
from compare.diagnosis.catalogue.values import guarded_loss
from compare.submissions.submission import Answer

GUARDS = (0.0, *(10.0**-power for power in range(4, 17)))
"""Numbers that code adds so that no logarithm is infinite; most code adds none."""

ROUNDING = 1e-11
"""Relative: that of a cost in float64."""


def without_guard(
    answers: tuple[Answer, ...], all_eps: Sequence[float]
) -> tuple[tuple[Answer, ...], float | None]:
    """The answers with the loss and cost they would have without such a number.

    It is a convention: it is small, and gradients leave it out.

    Arguments:
        all_eps: what the code may add to the variance.

    Returns:
        The answers, and the number; unchanged and None unless one explains every cost and loss.
    """
    normalised = any(answer.spec.batch_norm for answer in answers)
    for guard, eps in product(GUARDS, all_eps if normalised else all_eps[:1]):
        changed = [freed(answer, guard, eps) for answer in answers]
        if changed and all(one is not None for one in changed):
            kept = tuple(one for one in changed if one is not None)
            return (kept, guard) if guard else (answers, None)
    return answers, None


def freed(answer: Answer, guard: float, eps: float) -> Answer | None:
    """One answer without the guard; None where its cost or loss is another."""
    forward = dict(answer.forward)
    name = "loss" if "loss" in forward else "cost"
    if answer.dtype != "float64" or name not in forward:
        return None
    given = float(forward[name])
    for right, guarded in values(replace(answer.spec, eps=eps).case(), guard)[name]:
        if abs(guarded - given) <= ROUNDING * abs(guarded):
            for held in {"loss", "cost"} & forward.keys():
                forward[held] = forward[held] + (right - guarded)
            return replace(answer, forward=forward)
    return None


def values(case: Case, guard: float) -> dict[str, list[tuple[float, float]]]:
    """Loss and cost without and with the guard, for either meaning of lambda."""
    trace = case.forward(manual_impl)
    loss = float(np.asarray(trace["loss"]))
    guarded = float(guarded_loss(np.asarray(trace["p"]), case.y, guard))
    penalty = float(np.asarray(trace["cost"])) - loss
    costs = [(loss + part * penalty, guarded + part * penalty) for part in (1.0, 0.5)]
    return {"loss": [(loss, guarded)], "cost": costs}
