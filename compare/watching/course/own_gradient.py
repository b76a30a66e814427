"""Parameters whose update subtracts an array that contains their gradient, but differs from it."""

from collections.abc import Callable

import numpy as np

from compare.watching.course.steps import Step, sample
from compare.watching.course.update_rule import FEWEST, Rule
from compare.watching.course.verdict import TrainingVerdict
from compare.watching.passes import Update
from compare.watching.recording import Event
from compare.watching.relations import close, scaled
from compare.watching.roles import Role
from compare.watching.values import Value, Values

ALONG = 1e-6
"""Maximum relative difference between a change and a multiple of the array that it subtracts."""

Function = Callable[[np.ndarray], np.ndarray]

ADDED: tuple[tuple[str, Function], ...] = (
    ("the penalty itself, {c:.4g} {w}^2, and not its derivative", np.square),
    ("{c:.4g} |{w}|", np.abs),
    ("{c:.4g} in every entry", np.ones_like),
)
"""What a gradient may have in addition: in words, and as a function of the parameter."""


def other_directions(
    values: Values,
    updates: list[Update],
    steps: dict[str, list[Step]],
    rules: dict[str, Rule],
    out: TrainingVerdict,
) -> None:
    """Report parameters whose update subtracts an array that is not the gradient.

    Where the program assigned the right gradient, the array is the direction of an optimiser,
    unless it is assigned under the gradient's name.
    """
    for name in [name for name, rule in rules.items() if not rule.name]:
        taken = [step for step in steps[name] if step.visible and step.change.size >= FEWEST]
        found = [direction(values, updates[step.update - 1], step) for step in taken]
        held = [value for value in found if value is not None]
        if len(held) < 2 or len(held) < len(taken):
            continue
        role = updates[taken[0].update - 1].roles.found.get(name)  # type: ignore[union-attr]
        if role is None or role.status != "right" or not same_variable(role, held[0].shown):
            continue
        own = of_shape(held[0], updates[taken[0].update - 1], name)
        assert own is not None
        right = sample(role.gradient) / role.c if role.value.named else taken[0].right
        judge_direction(name, taken[0], own / role.c, right, held[0].shown, out)
        rules[name].name = "other"


def direction(values: Values, update: Update, step: Step) -> Value | None:
    """The first array of the backward pass that a parameter's change is a multiple of."""
    assert update.case is not None
    shape = update.case.parameters[step.name].shape
    for value in values.within(update.found.index, update.end, shape):
        rows = of_shape(value, update, step.name)
        if rows is not None and scaled(rows, step.change).error <= ALONG:
            return value
    return None


def of_shape(value: Value, update: Update, name: str) -> np.ndarray | None:
    """The sampled entries of an array in a parameter's orientation."""
    if value.raw.dtype.kind != "f":
        return None
    role = update.roles.found.get(name)  # type: ignore[union-attr]
    assert update.case is not None
    views = [rows for rows, _ in value.views(update.case.parameters[name].shape)]
    if len(views) > 1 and role is not None:
        views.sort(key=lambda rows: -abs(float((rows * role.gradient).sum())))
    return sample(views[0]) if views else None


def same_variable(role: Role, event: Event) -> bool:
    """Whether an array is assigned by the line in which the right gradient is a part of the
    expression, or under the right gradient's name."""
    if not role.value.named:
        return role.value.events[0].site.line == event.site.line
    return role.shown.name == event.name


def judge_direction(
    name: str,
    step: Step,
    own: np.ndarray,
    right: np.ndarray,
    event: Event,
    out: TrainingVerdict,
) -> None:
    """Report what the program's gradient is instead of the right one.

    Arguments:
        own, right: entries of both, in the scale of the mean loss.
    """
    away = own - right
    top = float(np.abs(right).max())
    if close(own, np.clip(right, own.min(), own.max()), ALONG):
        out.not_checked.append(
            f"the gradient of {name}: clipped to {own.min():.4g} to {own.max():.4g}"
        )
        return
    signs = scaled(away, np.sign(step.before))
    if signs.error <= 1e3 * ALONG:
        said = f"whether the cost has the L1 penalty of the gradient of {name}"
        out.not_checked.append(f"{said}, {signs.c:.4g} sign({name})")
        return
    said = (
        f"{name} moves by this array in every update looked at, and it is not the gradient of "
        f"{name}: they differ by up to {float(np.abs(away).max()) / top:.2g} of the largest entry."
    )
    for words, f in ADDED:
        fit = scaled(away, f(step.before))
        if fit.error <= 1e3 * ALONG:
            said += f" What was added is {words.format(c=fit.c, w=name)}."
            break
    out.add("gradient", event, said)
