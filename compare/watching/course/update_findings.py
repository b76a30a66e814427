"""Mistakes in the updates: sign, momentum, rates that differ."""

from collections import Counter
from itertools import pairwise

import numpy as np

from compare.numerics.structure import structural_zeros
from compare.watching.course.steps import (
    VISIBLE,
    Step,
    is_float32,
    parameters_of,
    sample,
    seen_at,
)
from compare.watching.course.update_rule import FEWEST, Rule, history_fit, near
from compare.watching.course.verdict import TrainingVerdict
from compare.watching.passes import Update
from compare.watching.recording import Event
from compare.watching.relations import scaled
from compare.watching.values import Values

NEGLIGIBLE = 1e-9
"""Largest change of a parameter, relative to a step along its gradient, that is none."""

SHIFTED = 0.05
"""Least move of a b that should stay, relative to a step along the gradient of its output."""

SAME_DIRECTION = 1e-6
"""Maximum relative difference between an array and a multiple of a change."""


def applied_twice(updates: list[Update], out: TrainingVerdict) -> None:
    """A parameter that moves by the same step twice in one update."""
    roles = updates[0].roles
    for role in roles.again if roles is not None else ():
        first = roles.updates[role.name]  # type: ignore[union-attr]
        if first.c and near(role.c, 2 * first.c) and role.shown.index > first.shown.index:
            said = f"The update of {role.name} is applied twice: it moves by two equal steps."
            out.add("update", role.shown, said)
            return


def not_finite(values: Values, updates: list[Update], out: TrainingVerdict) -> None:
    """The first array with NaN or infinite entries, if weights and probabilities have them too.

    A buffer that was not filled yet holds anything.
    """
    shapes = {layer.W.shape for layer in updates[0].found.layers}
    shapes |= {shape[::-1] for shape in shapes}
    broken = [
        value
        for value in values.all
        if value.raw.dtype.kind == "f"
        and value.first > updates[0].found.index
        and not np.isfinite(value.raw).all()
    ]
    weights = [value for value in broken if value.raw.shape in shapes and value.named]
    place = updates[0].found.p.value.shown.site.id
    outputs = [value for value in broken if any(e.site.id == place for e in value.events)]
    if weights and outputs:
        first = min((value.shown for value in broken), key=lambda event: event.index)
        said = (
            "From here on there are values that are not finite (NaN or infinite), and the weights "
            "become so."
        )
        out.add("not_finite", first, said)


def velocity(updates: list[Update], step: Step) -> Event | None:
    """The place where the program assigned the velocity by which a parameter moved, if it was
    recorded."""
    roles = updates[step.update - 1].roles
    if roles is None:
        return None
    seen = [*roles.unexplained, *(role.value for role in roles.copies)]
    for value in sorted(seen, key=lambda value: value.first):
        for rows, _ in value.views(updates[step.update - 1].case.parameters[step.name].shape):  # type: ignore[union-attr]
            entries = sample(rows)
            if value.named and scaled(entries, step.change).error < SAME_DIRECTION:
                return value.shown
    return None


def judge_rules(
    rules: dict[str, Rule], steps: dict[str, list[Step]], decays: dict[str, float],
    updates: list[Update], out: TrainingVerdict,
) -> None:  # fmt: skip
    """Report findings on sign, momentum, parameters that do not move, and rates that differ."""
    told = {name: rule for name, rule in rules.items() if rule.name}
    kinds = Counter((r.name, round(r.factor, 3)) for r in told.values() if r.rates and not r.wrong)
    for name, rule in told.items():
        if rule.wrong:
            assert rule.first is not None
            out.add(
                "momentum",
                velocity(updates, rule.first) or rule.first.event,
                f"Update {rule.first.update} of {name}: {rule.wrong}.",
            )
        upwards = [t for t, rate in rule.rates.items() if rate < 0 and t in rule.trusted]
        for t in upwards[:1]:
            rate = rule.rates[t]
            if 2 * len(upwards) > len(rule.rates):
                step = next(s for s in steps[name] if s.update == t)
                said = (
                    f"Update {t} moves {name} up its gradient: by {-rate:.4g} times the gradient "
                    f"instead of minus that."
                )
                out.add("update", step.event, said)
    if kinds:
        (kind, factor), _ = kinds.most_common(1)[0]
        rule_names = {
            "plain": "plain gradient descent",
            "Nesterov": f"Nesterov momentum {factor:g}",
        }
        rule_names |= {"momentum": f"momentum {factor:g}", "accumulated": "plain gradient descent"}
        if max(len(taken) for taken in steps.values()) > 1:
            out.facts["optimiser"] = rule_names[kind]
        else:
            out.not_checked.append("the optimiser: a single change of the parameters fits several")
            out.facts["optimiser"] = "not told by a single update"
    still_parameters(rules, steps, updates, out)
    other_gradients(rules, steps, decays, out)
    different_rates(rules, steps, updates, out)
    usual = [rule for rule in rules.values() if rule.name == "plain"]
    unknown = [
        name
        for name, rule in rules.items()
        if not rule.name and not any(moves_by(other, steps[name]) for other in usual)
    ]
    if 0 < len(unknown) < len(rules):
        words = ", ".join(unknown)
        out.not_checked.append(f"the update of {words}: no known rule explains their changes")


def moves_by(rule: Rule, taken: list[Step]) -> bool:
    """Whether a parameter of so few entries that any rule fits moves by another one's rates."""
    return bool(taken) and all(
        step.change.size < FEWEST
        and (
            np.abs(step.change + rule.rates.get(step.update, np.nan) * step.right) <= step.exact
        ).all()
        for step in taken
    )


def still_parameters(
    rules: dict[str, Rule], steps: dict[str, list[Step]], updates: list[Update],
    out: TrainingVerdict,
) -> None:  # fmt: skip
    """Parameters that never move although others do, and their gradients were computed, or are 0 in
    an update that subtracts them."""
    rates = [rate for rule in rules.values() for rate in rule.rates.values() if rate > 0]
    for name, rule in rules.items():
        if rates and not rule.name and unmoved(steps[name], min(rates)):
            rule.name = "still"
    still = [name for name, rule in rules.items() if rule.name == "still"]
    roles = updates[0].roles
    for name in still if rates else []:
        role = None if roles is None else roles.found.get(name)
        large = [s for s in steps[name] if min(rates) * np.abs(s.right).max() > VISIBLE * s.exact]
        updated = roles is not None and name in roles.updates  # but not used in the forward pass
        if role is not None and role.value.named and len(large) > 1 and not updated:
            rounded = " but for rounding" if any(step.moved for step in steps[name]) else ""
            said = (
                f"{name} is the same after {len(steps[name])} updates{rounded}: its gradient is "
                f"computed (up to {np.abs(large[0].right).max():.3g}) and not used."
            )
            out.add("update", role.value.shown, said)
        elif role is None and len(large) > 1 and (event := subtracted(large[0], updates)):
            said = (
                f"{name} is the same after {len(steps[name])} updates: its gradient in this line "
                f"is 0, and should be up to {np.abs(large[0].right).max():.3g}."
            )
            out.add("update", event, said)
        else:
            out.not_checked.append(f"the update of {name}: unchanged in the updates looked at")


def shifted_in_vain(values: Values, updates: list[Update], out: TrainingVerdict) -> None:
    """A b below a batch norm that moves, although the batch norm takes it out again."""
    for t, (u, then) in enumerate(pairwise(updates)):
        if u.case is None or then.case is None or u.right is None or is_float32(u):
            return  # Adam makes much of float32's rounding
        before, after = parameters_of(values, u), parameters_of(values, then)
        for l, layer in enumerate(u.found.layers, start=1):
            name, W, s_hat = f"b{l}", f"W{l}", u.right.get(f"s_hat{l}")
            new, held = after.get(name, (None, None))
            if name not in structural_zeros(u.case.network, u.found.n) or s_hat is None:
                continue
            if new is None or held is None or after[W][0].shape != layer.W.shape:
                continue
            moved = largest(new - before[name][0])
            rate = largest(after[W][0] - before[W][0]) / largest(u.right[W])
            if moved > SHIFTED * rate * largest(np.asarray(s_hat).sum(axis=0)):
                events = seen_at(held, u.found.index, then.end)
                said = (
                    f"Update {t + 1} moves {name} by up to {moved:.3g}, but its gradient is 0: "
                    "the batch norm above cancels any shift."
                )
                out.add("shift", events[0] if events else None, said)
                return


def largest(a: np.ndarray) -> float:
    return float(np.abs(a).max(initial=1e-300))


def unmoved(taken: list[Step], rate: float) -> bool:
    """Whether a parameter moves by no more than rounding, compared with a step along its gradient,
    as one does that the zero gradient of a b below batch norm moves."""
    return all(
        np.abs(step.change).max() <= NEGLIGIBLE * rate * np.abs(step.right).max() for step in taken
    )


def subtracted(step: Step, updates: list[Update]) -> Event | None:
    """The augmented assignment of a parameter that stayed as it was; None if there is none."""
    update = updates[step.update - 1]
    inside = (e for e in step.events if update.found.index < e.index < update.end)
    return next((event for event in inside if event.site.kind == "augmented"), None)


def other_gradients(
    rules: dict[str, Rule], steps: dict[str, list[Step]], decays: dict[str, float],
    out: TrainingVerdict,
) -> None:  # fmt: skip
    """Parameters that move by the gradient of another parameter with the same shape."""
    for name in [name for name, rule in rules.items() if not rule.name]:
        moving = [step for step in steps[name] if step.visible]
        for other, taken in steps.items():
            pairs = [(s, t) for s in moving for t in taken if s.update == t.update]
            if other == name or len(pairs) < 2:
                continue
            if any(len(s.change) != len(t.right) or len(t.right) < FEWEST for s, t in pairs):
                continue
            fits = [
                history_fit(s.change, [t.right + decays.get(other, 0.0) * t.before], s.exact)
                for s, t in pairs
            ]
            if all(fit is not None for fit in fits):
                said = f"{name} is moved by the gradient of {other} in {len(pairs)} updates."
                equal = all(np.array_equal(s.after, t.after) for s, t in pairs)
                own = [e for e in pairs[0][0].events if e.name not in names_of(pairs[0][1])]
                if not equal or (own and own[0].site.kind == "augmented"):
                    # otherwise the forward pass may use the other parameter
                    out.add("update", own[0] if own else pairs[0][0].event, said)
                break


def names_of(step: Step) -> set[str]:
    """The name under which a parameter's new value, or an equal one, was first seen."""
    return {step.events[0].name} if step.events else set()


def different_rates(
    rules: dict[str, Rule], steps: dict[str, list[Step]], updates: list[Update],
    out: TrainingVerdict,
) -> None:  # fmt: skip
    """Report where one parameter's rate differs from that of most others in the same update."""
    roles = {} if updates[0].roles is None else updates[0].roles.found
    leaves = [role.c for key, role in roles.items() if key in rules]
    usual_scale = float(np.median(leaves)) if leaves else 1.0
    for name, rule in rules.items():
        if name in roles and not near(roles[name].c, usual_scale):
            continue  # its gradient has a scale of its own, which is judged elsewhere
        for t, rate in rule.rates.items():
            others = [r.rates[t] for n, r in rules.items() if n != name and t in r.rates]
            if len(others) < 2 or rate <= 0:
                continue
            usual = float(np.median(others))
            agree = sum(near(other, usual) for other in others) > len(others) / 2
            step = next(s for s in steps[name] if s.update == t)
            if agree and usual > 0 and abs(rate - usual) > 0.02 * usual:
                said = (
                    f"Update {t} moves {name} by {rate:.4g} times its gradient, "
                    f"most others by {usual:.4g}."
                )
                out.add("update", step.event, said, fails=False)
                break
