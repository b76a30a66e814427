"""The rule by which parameters move: gradient descent, momentum, Nesterov, and their mistakes."""

from dataclasses import dataclass, field

import numpy as np

from compare.watching.course.steps import Step

SAME = 1e-3
"""Maximum relative difference between factors that count as equal."""

FEWEST = 3
"""Minimum number of entries of a parameter; a bias of two classes fits every rule."""

SPARE = 2
"""Number of entries, beyond the number of terms, that a fit must explain."""

MOSTLY = 0.6
"""Minimum share of a parameter's changes that a plain step must explain."""

LONGEST = 5
"""Maximum number of updates whose gradients are used to fit one change."""


@dataclass
class Rule:
    """How one parameter moves.

    Arguments:
        name: "plain", "momentum", "Nesterov", "accumulated", "still"; "other" where an array that
            is not the gradient is subtracted, and "" where it was not told.
        factor: of momentum.
        rates: learning rate by update, with the sign of the descent.
        trusted: updates whose change is explained by the right gradient.
        wrong: what is wrong with the momentum, in words.
        first: the step that shows it.
    """

    name: str
    factor: float = 0.0
    rates: dict[int, float] = field(default_factory=dict)
    trusted: set[int] = field(default_factory=set)
    wrong: str = ""
    first: Step | None = None


def gradients(step: Step, delta: float) -> list[np.ndarray]:
    """The gradients by which the program may move: its own, or the right one with the penalty."""
    right = step.right + delta * step.before
    return [right] if step.own is None else [step.own, right]


def history_fit(change: np.ndarray, terms: list[np.ndarray], exact: float) -> np.ndarray | None:
    """The factors with which terms add up to a change; None if they do not."""
    sizes = [float(np.linalg.norm(term)) for term in terms]
    if not all(sizes) or not np.isfinite(change).all():
        return None
    active = int(np.any([term != 0 for term in terms], axis=0).sum())
    if active < len(terms) + SPARE:
        return None
    columns = np.stack([term / size for term, size in zip(terms, sizes, strict=True)], axis=1)
    factors, _, rank, _ = np.linalg.lstsq(columns, change, rcond=1e-10)
    if rank < len(terms) or np.abs(columns @ factors - change).max() > exact:
        return None
    return np.asarray(factors / sizes)


def rule_of(steps: list[Step], delta: float) -> Rule:
    """The rule that explains every visible change of a parameter."""
    moving = [step for step in steps if step.visible]
    if moving and moving[0].change.size < FEWEST:
        return Rule("")
    if not moving:
        return Rule("still" if not any(step.moved for step in steps) else "")
    rates: dict[int, float] = {}
    trusted = set()
    for step in moving:
        for G in gradients(step, delta):
            fit = history_fit(step.change, [G], step.exact)
            if fit is not None:
                rates[step.update] = -float(fit[0])
                if G is not step.own:
                    trusted.add(step.update)
                break
        if step.update not in rates and step.name.startswith("W"):
            fit = history_fit(step.change, [step.right, step.before], step.exact)
            if fit is not None and abs(fit[1]) < abs(fit[0]):
                rates[step.update] = -float(fit[0])
                trusted.add(step.update)
    if len(rates) == len(moving):
        return Rule("plain", 0.0, rates, trusted)
    if len({step.own is None for step in steps}) == 1:
        rule = with_history(steps, delta)
        if rule.name:
            if steps[0].own is None:
                rule.trusted = set(rule.rates)
            return rule
    if len(rates) >= max(2, MOSTLY * len(moving)):
        return Rule("plain", 0.0, rates, trusted)
    return Rule("")


def with_history(steps: list[Step], delta: float) -> Rule:
    """Momentum, Nesterov or accumulated gradients, from the factors of earlier gradients."""
    history: list[np.ndarray] = []
    factors: list[tuple[Step, np.ndarray]] = []
    for step in steps[:LONGEST]:
        if len(history) + 1 != step.update:
            break
        history.append(gradients(step, delta)[0])
        fit = history_fit(step.change, history, step.exact) if step.visible else None
        if fit is not None:
            factors.append((step, fit))
    later = [(step, fit) for step, fit in factors if len(fit) > 1]
    if not later:
        return Rule("")
    rates = {step.update: -float(fit[-1]) for step, fit in factors}
    start = -float(factors[0][1][0]) if len(factors[0][1]) == 1 else None
    return named_rule(later, rates, start)


def named_rule(
    later: list[tuple[Step, np.ndarray]], rates: dict[int, float], start: float | None
) -> Rule:
    """The rule that gives these factors of all gradients so far, oldest first, in each change."""
    step, fit = later[0]
    ratio = float(fit[-2] / fit[-1])
    if abs(ratio) < SAME:
        return Rule("")
    decays = [float(f[-3] / f[-2]) for _, f in later if len(f) > 2 and f[-2]]
    decay = decays[0] if decays else None
    if abs(ratio - 1) < SAME and (decay is None or abs(decay - 1) < SAME):
        return Rule("accumulated", 1.0, rates, first=step)
    m = decay if decay is not None else None
    rescaled = {t: rate / (1 + m) for t, rate in rates.items()} if m and m > -1 else {}
    if m is not None and 0 < m < 1:
        # the rate may change from update to update; then every ratio carries its quotient
        scale = start / rates[step.update] if start and step.update == 2 else 1.0
        for quotient in {1.0, scale}:
            if near(ratio, m * m / (1 + m) * quotient):
                return Rule("Nesterov", m, rescaled)
            if near(ratio, m * (2 + m) / (1 + m) * quotient):
                wrong = "the velocity before the update is added instead of subtracted"
                return Rule("Nesterov", m, rescaled, wrong=wrong, first=step)
    if ratio < 0:
        wrong = f"the old velocity enters with {ratio:.4g}: its sign is wrong"
        return Rule("momentum", ratio, rates, wrong=wrong, first=step)
    if ratio < 1 or near_constant([f[-2] / f[-1] for _, f in later]):
        if ratio >= 1 + SAME:
            wrong = f"the old velocity is multiplied by {ratio:.4g}, so that it grows"
            return Rule("momentum", ratio, rates, wrong=wrong, first=step)
        return Rule("momentum", ratio, rates)
    return Rule("")


def near(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-2 * abs(b)


def near_constant(ratios: list[float]) -> bool:
    return len(ratios) > 1 and max(ratios) - min(ratios) <= SAME * abs(ratios[0])
