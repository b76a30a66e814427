"""The learning rates used, and the schedule that they follow."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from compare.watching.course.cycle import Sequence, judge_sequence
from compare.watching.course.steps import Step
from compare.watching.course.update_rule import Rule
from compare.watching.course.verdict import TrainingVerdict
from compare.watching.losses import mean_loss
from compare.watching.passes import Update
from compare.watching.recording import Event, Recording
from compare.watching.values import Values

MISSED = 1.05
"""Maximum ratio of updates to rates seen for a missing assignment to be a mistake instead of
intended."""

AGREEING = 2
"""Number of other numbers that must show the same updates without a new rate."""

TOLERANCE = 2e-3
"""Maximum relative difference between a number of the program and the rate of an update."""


def rate_by_update(rules: dict[str, Rule]) -> dict[int, float]:
    """The learning rate of each update: the median over the parameters."""
    rates: dict[int, list[float]] = defaultdict(list)
    for rule in rules.values():
        for t, rate in rule.rates.items():
            rates[t].append(rate)
    down = {t: [rate for rate in taken if rate > 0] or taken for t, taken in rates.items()}
    return {t: float(np.median(taken)) for t, taken in sorted(down.items())}


def sequences(recording: Recording) -> dict[tuple[object, ...], list[Event]]:
    """The events of every number, by its name within a call."""
    found: dict[tuple[object, ...], list[Event]] = defaultdict(list)
    for event in recording.events:
        if event.value is not None:
            site = event.site
            found[site.file, site.function, site.name, event.stack, event.path].append(event)
    return found


def same(a: float, b: float) -> bool:
    return abs(a - b) <= TOLERANCE * max(abs(a), abs(b))


def value_at(events: list[Event], index: int) -> float | None:
    """The last value of a number before an event."""
    taken: float | None = None
    for event in events:
        if event.index >= index:
            break
        taken = event.value
    return taken


def of_this_training(
    events: list[Event], updates: list[Update], others: Iterable[Update]
) -> list[Event]:
    """The values of a number without those assigned for another training of the program."""
    later = [other.found.index for other in others if other.found.index > updates[-1].found.index]
    if not later:
        return events
    sites = {event.site.id for event in events if event.index < updates[-1].end}
    return [event for event in events if event.index < min(later) and event.site.id in sites]


def rate_sequence(
    values: Values, rates: dict[int, float], moments: dict[int, int], updates: list[Update],
    others: Iterable[Update],
) -> tuple[Sequence, bool] | None:  # fmt: skip
    """The number that equals the rate of every update, and whether it does so one update late.

    Arguments:
        moments: event at which each update was made.
        others: of other trainings of the program.
    """
    found: list[tuple[tuple[int, ...], Sequence, bool]] = []
    for every in sequences(values.recording).values():
        events = of_this_training(every, updates, others)
        for late in (False, True):
            at = [moments.get(t - late, -1) for t in rates]
            if late and (len(set(rates.values())) < 2 or len(events) < 3):
                continue
            told = [
                taken is not None and same(taken, rate)
                for taken, rate, index in zip(
                    (value_at(events, index) for index in at), rates.values(), at, strict=True
                )
                if index >= 0
            ]
            if len(told) >= 2 and all(told):
                kind = {"assign": 0, "augmented": 0, "return": 1, "argument": 2}
                numbers = np.array([event.value for event in events], float)
                first = next(index for index in at if index >= 0)
                used = [float(event.value or 0) for event in events if event.index >= first]
                still = all(value == value_at(events, first) for value in used)
                often = {1: 0, 0: 1}.get(most_in_an_update(events, updates), 2)
                order = (late, still, often, kind.get(events[0].site.kind, 3), events[0].index)
                found.append((order, Sequence(events, numbers), late))
    if not found:
        return None
    _, sequence, late = min(found, key=lambda entry: entry[0])
    return sequence, late


def moment(t: int, steps: dict[str, list[Step]], updates: list[Update]) -> int:
    """The first event with a new parameter in an update; the end of the update if there is none."""
    events = [s.event.index for taken in steps.values() for s in taken if s.update == t and s.event]
    return min(events, default=updates[t - 1].end)


def most_in_an_update(events: list[Event], updates: list[Update]) -> int:
    """The largest number of assignments of a number in one update."""
    indices = [event.index for event in events]
    ends = [update.end for update in updates]
    at = np.searchsorted(indices, ends)
    return int(np.diff(at).max(initial=0))


def by_update(recording: Recording, sequence: Sequence, updates: list[Update]) -> Sequence:
    """The rate of every update, also of the few in which it was not assigned anew.

    Updates are counted by other numbers that are assigned once in each. Several must agree, and
    none may be assigned exactly as often as the rate.
    """
    rates = sequence.events
    if most_in_an_update(rates, updates) != 1:
        return sequence
    own = {event.site.line for event in rates}
    at_sites: dict[tuple[int, int], list[Event]] = defaultdict(list)
    for event in recording.events[rates[0].index : rates[-1].index]:
        if event.value is not None and event.site.line not in own:
            at_sites[event.site.id, event.stack].append(event)
    starts = [event.index for event in rates]
    gaps: set[tuple[int, ...]] = set()
    clocks = 0
    for events in at_sites.values():
        if len(events) < len(rates) - 1 or not once_in_each(events, updates):
            continue
        counts = np.bincount(
            np.searchsorted(starts, [event.index for event in events]), minlength=len(rates)
        )[1:]
        if (counts == 1).all():
            return sequence
        if counts.min() == 1 and counts.sum() <= MISSED * len(rates):
            gaps.add(tuple(int(c) for c in counts))
            clocks += 1
    if clocks < AGREEING or len(gaps) != 1:
        return sequence
    counts = np.array([*gaps.pop(), 1])
    repeated = np.repeat(np.arange(len(rates)), counts)
    return Sequence([rates[k] for k in repeated], sequence.values[repeated])


def once_in_each(events: list[Event], updates: list[Update]) -> bool:
    """Whether a number was assigned exactly once in every update except the first."""
    counts = np.diff(np.searchsorted([e.index for e in events], [u.end for u in updates]))
    return len(counts) > 0 and bool((counts == 1).all())


def judge_rates(
    values: Values, rules: dict[str, Rule], steps: dict[str, list[Step]],
    updates: list[Update], others: Iterable[Update], out: TrainingVerdict,
) -> None:  # fmt: skip
    """Report the schedule of the learning rates, and where they deviate from it."""
    rates = rate_by_update(rules)
    if not rates:
        stuck(values, rules, updates, out)
        return
    steady = same(min(rates.values()), max(rates.values()))
    told = [float(np.median(list(rates.values())))] if steady else rates.values()
    different = list(dict.fromkeys(f"{rate:.4g}" for rate in told))
    looked_at = "update" if len(rates) == 1 else f"{len(rates)} updates"
    shown = ", ".join(different) + f" in the {looked_at} looked at"
    moments = {t: moment(t, steps, updates) for t in range(1, max(rates) + 1)}
    found = rate_sequence(values, rates, moments, updates, others)
    factor = times_the_cost(rates, updates)
    if found is None and factor:
        said = "The update is multiplied by the cost of its minibatch: the learning rate is "
        said += f"{factor:.4g} times that, {shown}."
        first = next(step for taken in steps.values() for step in taken if step.update in rates)
        out.facts["learning rate"] = f"{factor:.4g} times the cost of the minibatch"
        out.add("update", first.event, said)
        return
    if found is None:
        out.facts.setdefault("learning rate", shown)
        out.not_checked.append(
            "the schedule of the learning rate: no learning rate was seen among the program's "
            "numbers"
        )
        return
    sequence, late = found
    if late:
        t = max(rates)
        out.add(
            "learning_rate",
            sequence.events[0],
            f"Update {t} uses the learning rate of update {t - 1}, {rates[t]:.4g}.",
            fails=False,
        )
    judge_sequence(values.recording, by_update(values.recording, sequence, updates), out)


def times_the_cost(rates: dict[int, float], updates: list[Update]) -> float:
    """The number that each rate is times the mean loss of its minibatch; 0 if there is none, or the
    rates are equal."""
    ratios = []
    for t, rate in rates.items():
        labels, p = updates[t - 1].labels, updates[t - 1].found.p.rows
        loss = 0.0 if labels is None else mean_loss(p, labels.y, labels.loss)
        if not loss:
            return 0.0
        ratios.append(rate / loss)
    steady = all(same(ratio, ratios[0]) for ratio in ratios)
    return ratios[0] if steady and not same(min(rates.values()), max(rates.values())) else 0.0


def stuck(
    values: Values, rules: dict[str, Rule], updates: list[Update], out: TrainingVerdict
) -> None:
    """A learning rate of 0: there are gradients, but no parameter changes."""
    if not rules or not all(rule.name == "still" for rule in rules.values()):
        return
    for event in values.recording.events[updates[0].found.index : updates[0].end]:
        if event.value == 0 and "//" in values.recording.text(event.site):
            out.add("learning_rate", event, "No parameter moves: the learning rate is 0.")
            return
    out.not_checked.append("the learning rate: no parameter moves in the updates looked at")
