"""Running statistics of batch norm: initial values, weights, and what they average."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from compare.watching.course.verdict import TrainingVerdict
from compare.watching.normalisation import SHRUNK
from compare.watching.passes import Update
from compare.watching.relations import two_terms
from compare.watching.values import Value, Values

SUM = 1e-6
"""Maximum deviation from 1 of the sum of an average's two weights."""

FEWEST = 4
"""Minimum number of units of a layer for its running statistics to be recognised."""

REACH = 400
"""Number of older arrays among which the previous value of a running statistic is searched."""

FAST = 0.5
"""Weight of the old value below which the newest minibatch dominates."""

Kind = tuple[int, str]
"""A layer, from 1, and "mean" or "variance"."""


@dataclass(frozen=True)
class Average:
    """One update of a running statistic: new = old_weight * old + new_weight * statistic.

    Arguments:
        source: what it averages: "mean", "variance", "unbiased variance" or "deviation".
    """

    update: int
    value: Value
    old_weight: float
    new_weight: float
    source: str


@dataclass
class Running:
    """The running statistics of a training, by layer and kind, in order."""

    averages: dict[Kind, list[Average]] = field(default_factory=dict)


def sources(s: np.ndarray, wrong: str = "") -> dict[str, dict[str, np.ndarray]]:
    """The statistics of s (n, m) that may be averaged as mean or variance.

    Arguments:
        wrong: what is wrong in the normalisation, which is reported on its own.
    """
    n, v = len(s), s.var(axis=0)
    if wrong == SHRUNK:
        v = v * (n - 1) / n
    return {
        "mean": {"mean": s.mean(axis=0)},
        "variance": {
            "variance": v,
            "unbiased variance": v * n / max(n - 1, 1),
            "deviation": np.sqrt(v),
        },
    }


def read_running(values: Values, updates: list[Update]) -> Running:
    """Find the running statistics in the updates that have the most common network."""
    found = Running()
    widths = [tuple(layer.s.shape[1] for layer in u.found.layers) for u in updates]
    usual = Counter(widths).most_common(1)[0][0] if widths else ()
    for t, u in enumerate(updates):
        if widths[t] != usual:
            continue
        for l, layer in enumerate(u.found.layers, start=1):
            if layer.norm is None or layer.norm.kind != "batch" or layer.norm.frozen:
                continue
            read_layer(values, updates, t, l, found)
    return found


def read_layer(values: Values, updates: list[Update], t: int, l: int, found: Running) -> None:
    """The averages of one layer in one update."""
    u = updates[t]
    layer = u.found.layers[l - 1]
    norm = layer.norm
    assert norm is not None
    s = layer.x.rows if norm.after and layer.x is not None else layer.s
    m = s.shape[1]
    start = updates[t - 1].found.index if t else 0
    fresh = [v for v in values.within(start, u.end, (m,)) if v.first >= start and v.named]
    for kind, choices in sources(s, norm.wrong).items():
        earlier = found.averages.get((l, kind))
        if earlier is None:
            begin(values, u, l, kind, choices, fresh, found)
            if t == 0:
                continue
        olds = [earlier[-1].value] if earlier else values.before(u.end, (m,), REACH)
        for value in fresh:
            average = averaged(t + 1, value, olds, choices)
            if average is not None:
                found.averages.setdefault((l, kind), []).append(average)
                break


def averaged(
    t: int, value: Value, olds: list[Value], choices: dict[str, np.ndarray]
) -> Average | None:
    """A value as a weighted sum of an older one and a statistic, with weights that are not
    negligible and, where there is a choice, add up to 1.

    A running mean that began at 0 is itself a multiple of the first minibatch's mean, and fits
    with either as the older value.
    """
    limit = 1e-4 if value.raw.dtype.itemsize < 8 else 1e-9
    olds = [o for o in olds if o is not value and o.first < value.first and o.array.any()]
    unbalanced = None
    for source, statistic in choices.items():
        for at in likely(value.array, statistic, olds, limit):
            old = olds[at]
            fit = two_terms(value.array, statistic, old.array)
            if fit.error >= limit or len(value.array) < FEWEST:
                continue
            parts = [fit.c * statistic, fit.d * old.array]
            least = 1e2 * limit * np.abs(value.array).max()
            counts = all(np.abs(part).max() > least for part in parts)
            if counts and 1e-3 < fit.c < 1.1 and 1e-3 < fit.d < 1.1:
                weight, name = fit.c, source
                if source == "variance" and not balanced(fit.c + fit.d):
                    ratio = float(np.median(choices["unbiased variance"] / statistic))
                    if balanced(fit.d + fit.c / ratio):
                        weight, name = fit.c / ratio, "unbiased variance"
                average = Average(t, value, fit.d, weight, name)
                if balanced(fit.d + weight):
                    return average
                unbalanced = unbalanced or average
    return unbalanced


def likely(y: np.ndarray, a: np.ndarray, olds: list[Value], limit: float) -> list[int]:
    """The older values that may add up to y (m,) with a statistic a (m,)."""
    if not olds or len(y) < FEWEST:
        return []
    O = np.stack([old.array for old in olds])  # (olds, m)
    aa, ao, oo = a @ a, O @ a, (O * O).sum(axis=1)
    ay, oy = a @ y, O @ y
    with np.errstate(all="ignore"):
        determinant = aa * oo - ao * ao
        c, d = (ay * oo - oy * ao) / determinant, (aa * oy - ao * ay) / determinant
        off = np.abs(c[:, None] * a + d[:, None] * O - y).max(axis=1)
    return [int(at) for at in np.flatnonzero(off < 1e2 * limit * np.abs(y).max())]


def balanced(total: float) -> bool:
    return abs(total - 1) < SUM


def begin(
    values: Values, u: Update, l: int, kind: str, choices: dict[str, np.ndarray],
    fresh: list[Value], found: Running,
) -> None:  # fmt: skip
    """Report the initial value of a running statistic, if its first value shows it."""
    m = len(next(iter(choices.values())))
    neutral = np.zeros(m) if kind == "mean" else np.ones(m)
    for value in fresh:
        for source, statistic in choices.items():
            rest = two_terms(value.array, statistic, neutral) if kind == "variance" else None
            if rest is None or rest.error >= 1e-9 or not balanced(rest.c + rest.d):
                continue
            if 1e-3 < rest.c < 0.999:
                average = Average(1, value, rest.d, rest.c, source)
                found.averages.setdefault((l, kind), []).append(average)
                return


def judge_running(values: Values, updates: list[Update], out: TrainingVerdict) -> Running:
    """Report facts and findings on batch norm's running statistics, and return these."""
    normal = [u for u in updates if any(x.norm and x.norm.kind == "batch" for x in u.found.layers)]
    if not normal:
        return Running()
    frozen = [
        u for u in normal if any(x.norm is not None and x.norm.frozen for x in u.found.layers)
    ]
    if frozen:
        layer = next(x for x in frozen[0].found.layers if x.norm is not None and x.norm.frozen)
        event = layer.z.value.shown if layer.z is not None else None
        said = (
            f"Update {updates.index(frozen[0]) + 1} normalises its minibatch with statistics that "
            f"are not the minibatch's own."
        )
        out.add("running_statistics", event, said)
        return Running()
    running = read_running(values, updates)
    if not running.averages:
        out.not_checked.append("running statistics of batch norm: none were recognised")
        return running
    averages = [a for taken in running.averages.values() for a in taken]
    right = [a.old_weight for a in averages if balanced(a.old_weight + a.new_weight)]
    biased = {a.source for (_, kind), taken in running.averages.items() for a in taken
              if kind == "variance"}  # fmt: skip
    words = "unbiased" if "unbiased variance" in biased else "biased"
    if "variance" not in {kind for _, kind in running.averages}:
        words = "not recognised"
    slow = max(right, default=0.0)
    out.facts["running statistics"] = f"momentum {slow:.4g}, variance {words}"
    for (l, kind), taken in sorted(running.averages.items()):
        first = taken[0]
        event = next((e for e in first.value.events if e.site.kind != "operand"), None)
        total = first.old_weight + first.new_weight
        text = f"{first.old_weight:.4g} old + {first.new_weight:.4g} new"
        where = f"Update {first.update}, layer {l}: the running {kind} is {text}"
        if first.source == "deviation":
            out.add("running_statistics", event, f"{where}, of deviations, not variances.")
        elif not balanced(total):
            out.add("running_statistics", event, f"{where}; the weights add up to {total:.4g}.")
        elif first.old_weight < FAST < slow and balanced(first.old_weight + slow):
            said = f"{where}; the other running statistics keep {slow:.4g} of the old."
            out.add("running_statistics", event, said)
        elif first.old_weight < FAST:
            out.add("running_statistics", event, f"{where}.", fails=False)
    return running
