"""The program's own gradient check: its numerical gradients against the reference."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from compare.watching.course.verdict import TrainingVerdict
from compare.watching.passes import TRIED, Update, read_update
from compare.watching.probabilities import loops, probabilities
from compare.watching.relations import TwoTerms, two_terms
from compare.watching.roles import Role
from compare.watching.values import Value, Values

EXACT, NUMERICAL = 1e-11, 1e-3
"""Relative residuals between which an array is a numerical gradient: a formula leaves less."""

SHARE = 0.3
"""The least part of the largest entry that the gradient makes up, so that a parameter after a few
updates does not count."""


FEWEST = 8
"""Minimum number of entries of an array for which it is no chance that they are nearly a gradient.
"""


@dataclass(frozen=True)
class Numerical:
    """A numerical gradient of the program.

    Arguments:
        name: of the parameter W that it is by.
        value: the array.
        fit: c dJ/dW + d W is closest to it, with J the mean cross-entropy.
        role: the program's own gradient by that parameter, right but for its scale and penalty.
        error: its largest difference from that, relative to its largest entry.
    """

    name: str
    value: Value
    fit: TwoTerms
    role: Role
    error: float


def judge_own_check(values: Values, updates: list[Update], out: TrainingVerdict) -> None:
    """Compare the program's numerical gradients with its right gradients."""
    found = list(numerical_gradients(values, updates))
    if not found:
        out.not_checked.append("a gradient check of the program's own: none was recognised")
        return
    same = [one for one in found if one.error < NUMERICAL]
    if same:
        worst = max(one.error for one in same)
        names = ", ".join(sorted({one.name for one in same}))
        out.facts["own gradient check"] = (
            f"numerical gradients of {names}, off by at most {worst:.1g} of the largest entry"
        )
    for one in found:
        if one not in same:
            out.add("own check", one.value.shown, difference(one), fails=False)


def difference(one: Numerical) -> str:
    """How a numerical gradient differs from the program's right one, in a sentence."""
    c, d = one.role.c, one.role.c * one.role.d
    if abs(one.fit.c - c) > NUMERICAL * abs(c):
        what = f"is that of {one.fit.c / c:.4g} times the loss"
    else:
        own, other = (f"{part:.4g} {one.name}" for part in (d, one.fit.d))
        lacks = abs(one.fit.d) < NUMERICAL * abs(d)
        what = f"lacks the penalty's {own}" if lacks else f"contains {other}, not {own}"
    return (
        f"The program's own gradient check does not differentiate the cost of its gradients: the "
        f"numerical gradient of {one.name} {what}."
    )


def numerical_gradients(values: Values, updates: list[Update]) -> Iterator[Numerical]:
    """The numerical gradient by each parameter at the first pass that has any."""
    for update in check_passes(values, updates):
        assert update.roles is not None
        assert update.case is not None
        assert update.right is not None
        known = {role.value.id for role in (*update.roles.found.values(), *update.roles.copies)}
        seen = []
        for name, role in update.roles.found.items():
            if name not in update.case.parameters or role.status != "right":
                continue
            g, w = update.right[name], update.case.parameters[name]
            near = [
                Numerical(name, value, fit, role, largest(rows - role.c * (g + role.d * w), rows))
                for value in values.of_shape(g.shape)
                if value.id not in known and value.named and value.indices[-1] > update.start
                if value.raw.dtype == np.float64  # a rounded gradient is none
                for rows, _ in value.views(g.shape)
                if is_numerical(fit := derivative(rows, g, w, name), rows, g)
            ]
            if near:
                seen.append(min(near, key=lambda one: one.fit.error))
        if any(one.value.array.size >= FEWEST for one in seen):
            yield from seen
            return


def largest(difference: np.ndarray, a: np.ndarray) -> float:
    """The largest difference, relative to the largest entry of an array."""
    return float(np.abs(difference).max(initial=0)) / float(np.abs(a).max(initial=0))


def derivative(a: np.ndarray, g: np.ndarray, w: np.ndarray, name: str) -> TwoTerms:
    """The closest combination of the derivative and the parameter; a bias has no penalty."""
    return two_terms(a, g, w if name.startswith("W") else np.zeros_like(w))


def is_numerical(fit: TwoTerms, a: np.ndarray, g: np.ndarray) -> bool:
    """Whether an array is nearly a gradient, but not by a formula."""
    part = abs(fit.c) * float(np.abs(g).max(initial=0))
    return EXACT < fit.error < NUMERICAL and part > SHARE * float(np.abs(a).max(initial=0))


def check_passes(values: Values, updates: list[Update]) -> Iterator[Update]:
    """Passes with gradients in float64 that may be those of a check: at other places than the
    training's, with no more samples, and without an update, whose arrays also resemble gradients.
    """
    trained = updates[0].found.p.value
    first = {group[0].event.index: group[0] for group in loops(probabilities(values))}
    for index in sorted(first)[:TRIED]:
        p = first[index]
        if p.value is trained or p.value.array.size > trained.array.size:
            continue
        update = read_update(values, p, 0)
        if update.roles is None or update.case is None or update.found.tolerance > 1e-6:
            continue
        if not any(role.c for role in update.roles.updates.values()):
            yield update
