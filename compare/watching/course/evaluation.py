"""Whether evaluation uses batch norm's running statistics, and whether it changes them."""

from dataclasses import dataclass

import numpy as np

from compare.watching.course.running_statistics import Running, averaged, sources
from compare.watching.course.torch_modes import evaluates
from compare.watching.course.verdict import TrainingVerdict
from compare.watching.normalisation import LARGEST_EPS, norm_of
from compare.watching.passes import Update
from compare.watching.probabilities import Probabilities, loops, probabilities
from compare.watching.rebuild import last_layer, search_below
from compare.watching.recording import Event
from compare.watching.relations import columns_fit
from compare.watching.values import Values

PLACES = 6
"""Maximum number of places with probabilities that are examined."""

TRIED = 3
"""Number of arrays tried as batch norm's input if its normalised values were not recorded."""

SPREAD = 1e-3
"""Relative difference between the columns' scales after a batch norm."""

NEARLY, MOSTLY = 0.01, 0.8
"""How close to 1 the deviations of normalised columns must be, and for which share of them; eps
makes them smaller."""

NEARBY = 200
"""Number of events before a change of running statistics in which the layer's output is searched.
"""


@dataclass(frozen=True)
class Evaluated:
    """The highest batch norm of one evaluation.

    Arguments:
        n: samples.
        own: whether its statistics are those of these very samples.
        event: where the normalised values were first seen.
    """

    n: int
    own: bool
    event: Event


def evaluations(values: Values, updates: list[Update]) -> list[Evaluated]:
    """The evaluations after the first update in which batch norm was recognised."""
    training = updates[0].found.p.value
    found = []
    for group in loops(probabilities(values))[:PLACES]:
        later = [p for p in group if p.value.first > updates[0].end]
        if not later or training in [p.value for p in group]:
            continue
        samples = len(later[0].rows)
        if samples == updates[0].found.n or samples < 3:
            continue
        seen = highest_norm(values, later[0])
        if seen is not None:
            found.append(seen)
    return sorted(found, key=lambda seen: seen.event.index)


def highest_norm(values: Values, p: Probabilities) -> Evaluated | None:
    """The batch norm below the last layer of a pass; its input need not have been recorded."""
    search, found = search_below(values, p, p.over)
    rows, tolerance = found.p.rows, found.tolerance
    top = last_layer(search, found)
    act = None if top is None else search.activation(top.h)
    if act is None:
        return None
    z = act[0]
    linear = [u for u in search.seen(z.rows.shape[1], z.value) if linked(z.rows, u.rows, tolerance)]
    for u in linear:
        if own_statistics(u.rows, tolerance):
            return Evaluated(len(rows), True, u.value.shown)
    for h in linear:  # a normalised array is one that is scaled by columns, before gamma and beta
        if any(scaled_columns(h.rows, u.rows, tolerance) for u in linear if u is not h):
            return Evaluated(len(rows), False, h.value.shown)
    for u in linear[:TRIED]:
        norm = norm_of(z.rows, u.value, u.rows, values, p.value.first + 1, tolerance)
        if norm is not None and norm.kind == "batch" and norm.eps < LARGEST_EPS:
            return Evaluated(len(rows), not norm.frozen, z.value.shown)
    return None


def linked(z: np.ndarray, u: np.ndarray, tolerance: float) -> bool:
    """Whether z (n, m) is a function a u + c of u, column by column."""
    return columns_fit(z, u, tolerance) is not None


def scaled_columns(h: np.ndarray, u: np.ndarray, tolerance: float) -> bool:
    """Whether h (n, m) is a u + c with columns of different a: not u with a bias."""
    fit = columns_fit(h, u, tolerance)
    return fit is not None and float(np.ptp(fit[0])) > SPREAD * float(np.abs(fit[0]).max())


def own_statistics(h: np.ndarray, tolerance: float) -> bool:
    """Whether every column has mean 0 and deviation almost 1 over these samples."""
    deviation = h.std(axis=0)
    small = np.abs(h.mean(axis=0)).max() < 1e3 * tolerance
    return bool(small and (np.abs(deviation - 1) < NEARLY).mean() > MOSTLY)


def judge_evaluation(
    values: Values, updates: list[Update], running: Running, out: TrainingVerdict
) -> None:
    """Report batch statistics used in evaluation, and running statistics that it changes."""
    if not any(x.norm and x.norm.kind == "batch" for u in updates for x in u.found.layers):
        return
    changed = changed_in_evaluation(values, updates, running)
    if changed is not None:
        n, event = changed
        said = f"An evaluation of {n} samples changes the running statistics."
        out.add("evaluation", event, said)
    found = evaluations(values, updates)
    own = [seen for seen in found if seen.own]
    if not found and evaluates(values):
        out.facts["evaluation"] = "with running statistics"
    elif not found:
        out.not_checked.append("the statistics that batch norm uses in evaluation: none was seen")
    elif own and len(own) == len(found):
        said = (
            f"The evaluation of {own[0].n} samples normalises them with their own mean and "
            f"variance instead of running statistics."
        )
        out.add("evaluation", own[0].event, said)
    else:
        out.facts["evaluation"] = "with running statistics"


def changed_in_evaluation(
    values: Values, updates: list[Update], running: Running
) -> tuple[int, Event] | None:
    """The first mean over samples of an evaluation that enters the running statistics."""
    n = updates[0].found.n
    for (_, kind), averages in sorted(running.averages.items()):
        places = {(e.site.id, e.stack) for a in averages for e in a.value.events}
        sites = {site for site, _ in places}
        for event in values.recording.events[updates[0].end :]:
            if event.array is None or event.site.id not in sites:
                continue
            value = values.by_id.get(event.array)
            if value is None or (event.site.id, event.stack) in places or value.raw.ndim != 1:
                continue
            m = len(value.raw)
            olds = values.before(event.index, (m,), NEARBY)
            for shape in values.by_shape:
                if len(shape) != 2 or m not in shape or shape == tuple(sorted((n, m))):
                    continue
                rows = shape[0] if shape[1] == m else shape[1]
                for s in values.before(event.index, (rows, m), 4):
                    for turned, _ in s.views((rows, m)):
                        if averaged(0, value, olds, sources(turned)[kind]) is not None:
                            return rows, event
    return None
