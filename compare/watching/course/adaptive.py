"""Recognise Adam and RMSprop, and their common mistakes, from the changes of parameters."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from compare.watching.course.steps import Step, sample
from compare.watching.course.verdict import TrainingVerdict
from compare.watching.passes import Update
from compare.watching.recording import Event
from compare.watching.relations import close
from compare.watching.values import Values

DEFAULTS = (0.9, 0.999)

CONSTANT = 1e-3
"""Maximum relative spread of a constant learning rate."""

RIGHT, SECOND_RAW, FIRST_RAW, BOTH_RAW, NO_ROOT, OUTSIDE, FIXED, LATE = FORMS = (
    "",
    "the second moment is not corrected for its start at 0",
    "the first moment is not corrected for its start at 0",
    "neither moment is corrected for its start at 0",
    "the root of the second moment is missing",
    "the second moment is corrected for its start at 0 outside the root",
    "the moments are corrected for their start at 0 as in the first update, with t = 1",
    "the moments are corrected for their start at 0 with a t that is 1 too large",
)
"""Ways to correct the moments, the right one first."""


EPS = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-10)
"""What programs add to the root of the second moment, the usual one first."""


@dataclass(frozen=True)
class Adam:
    """One reading of a parameter's changes.

    Arguments:
        beta1, beta2: as read.
        form: one of FORMS.
        rates: of each update.
        second: the second moment after each update, as the program has it, not corrected.
    """

    beta1: float
    beta2: float
    form: str
    rates: list[float]
    second: list[np.ndarray]

    @property
    def steady(self) -> bool:
        """Whether the learning rate is the same in every update."""
        return max(self.rates) - min(self.rates) <= CONSTANT * abs(self.rates[0])


def candidates(values: Values, end: int) -> list[float]:
    """Numbers between 0 and 1 that the program used before an event, and the usual ones."""
    seen = {
        float(event.value)
        for event in values.recording.events[:end]
        if event.value is not None and 0.5 <= event.value < 1
    }
    return sorted({*DEFAULTS, *(sorted(seen)[-8:])})


def directions(
    gradients: list[np.ndarray], beta1: float, beta2: float, form: str, eps: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The direction of each update and its second moment."""
    m, v = np.zeros_like(gradients[0]), np.zeros_like(gradients[0])
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        power = {FIXED: 1, LATE: t + 1}.get(form, t)
        first = m if form in (FIRST_RAW, BOTH_RAW) else m / (1 - beta1**power)
        second = v if form in (SECOND_RAW, BOTH_RAW) else v / (1 - beta2**power)
        if form == OUTSIDE:
            root = np.sqrt(v) / (1 - beta2**t)
        else:
            root = second if form == NO_ROOT else np.sqrt(second)
        yield first / (root + eps), v


def adam_of(steps: list[Step], delta: float, betas: list[float], scale: float) -> list[Adam]:
    """The readings as Adam or RMSprop that explain every change of a parameter.

    Arguments:
        scale: of the program's gradients over those of the mean.
    """
    if len(steps) < 3 or not all(step.visible for step in steps):
        return []
    gs = [scale * (step.right + delta * step.before) for step in steps]
    readings = []
    for beta1 in [*betas, 0.0]:
        for beta2 in betas:
            for form in FORMS:
                if beta1 == 0.0 and form in (FIRST_RAW, BOTH_RAW):
                    continue  # there is no first moment to correct
                reading = explained(steps, gs, beta1, beta2, form)
                if reading is not None:
                    readings.append(reading)
    return readings


def explained(
    steps: list[Step], gs: list[np.ndarray], beta1: float, beta2: float, form: str
) -> Adam | None:
    """The reading with these factors, if it explains all changes."""
    for eps in EPS:
        rates, second = [], []
        for step, (U, v) in zip(steps, directions(gs, beta1, beta2, form, eps), strict=True):
            square = float(U @ U)
            if not square or not np.isfinite(square):
                break
            rate = -float(step.change @ U) / square
            off = np.abs(step.change + rate * U)
            if off.max() > max(step.exact, 1e-4 * float(np.abs(step.change).max())):
                break
            rates.append(rate)
            second.append(v)
        if len(rates) == len(steps):
            return Adam(beta1, beta2, form, rates, second)
    return None


def judge_adam(
    values: Values, readings: dict[str, list[Adam]], steps: dict[str, list[Step]],
    updates: list[Update], out: TrainingVerdict,
) -> bool:  # fmt: skip
    """Report which variant of Adam it is; return whether it is one at all."""
    name = max(readings, key=lambda n: len(steps[n][0].change), default=None)
    if name is None:
        return False
    taken = [a for a in readings[name] if a.steady] or readings[name]
    taken.sort(key=lambda a: (not a.steady, not as_recorded(values, a.rates[0]), a.form != ""))
    best = taken[0]
    if best.beta1 == 0:
        out.facts["optimiser"] = f"RMSprop {best.beta2:g}"
        if best.steady and best.form == NO_ROOT and as_recorded(values, best.rates[0]):
            out.add("update", steps[name][0].event, f"RMSprop, {name}: {best.form}.")
        return True
    out.facts["optimiser"] = f"Adam {best.beta1:g}, {best.beta2:g}"
    if not best.steady:
        shown = ", ".join(f"{rate:.4g}" for rate in best.rates)
        out.facts["learning rate"] = f"{shown} in the {len(best.rates)} updates looked at"
        if not all(as_recorded(values, rate) for rate in best.rates):
            said = "Adam's learning rate: it changes, and no number of the program follows it"
            out.not_checked.append(said)
        return True
    out.facts["learning rate"] = f"constant {best.rates[0]:.4g}"
    if best.form and as_recorded(values, best.rates[0]):
        event = last_holder(values, updates[0], steps[name][0], best)
        if best.form in (NO_ROOT, OUTSIDE):
            event = steps[name][0].event
        said = (
            f"Adam, {name}: {best.form}. Read this way, the changes fit the program's constant "
            f"rate of {best.rates[0]:.4g}."
        )
        # Adam without either correction may be meant: momentum divided by a running root
        out.add("update", event, said, fails=best.form != BOTH_RAW)
    elif not best.form and best.beta1**2 >= best.beta2**0.5:
        said = (
            f"Adam's factors are swapped: {best.beta1:g} for the first moment and {best.beta2:g} "
            f"for the second; its analysis needs beta1^2 < root of beta2."
        )
        out.add("update", steps[name][0].event, said)
    return True


def as_recorded(values: Values, rate: float) -> bool:
    """Whether a number of the program equals the rate."""
    return any(
        event.value is not None and abs(event.value - rate) <= CONSTANT * abs(rate)
        for event in values.recording.events
    )


def last_holder(values: Values, update: Update, step: Step, adam: Adam) -> Event | None:
    """The last named event before the new value that contains the uncorrected second moment."""
    assert update.right is not None
    shape = update.right[step.name].shape
    end = update.end if step.event is None else step.event.index
    holders = []
    for value in values.within(update.found.index, end, shape):
        for rows, _ in value.views(shape):
            if close(sample(rows), adam.second[0], 1e-5):
                holders += [e for e in value.events if update.found.index < e.index < end]
    named = sorted((e for e in holders if e.site.kind in ("assign", "item", "augmented")),
                   key=lambda e: e.index)  # fmt: skip
    return named[-1] if len(named) > 1 else step.event
