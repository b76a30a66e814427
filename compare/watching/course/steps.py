"""The change of each parameter in each update, and the gradient that it should follow."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from compare.numerics.structure import structural_zeros
from compare.watching.passes import Update
from compare.watching.recording import Event
from compare.watching.relations import TOLERANCE, two_terms
from compare.watching.values import Value, Values

ENTRIES = 4096
"""Maximum number of a parameter's entries used in a fit."""

CLEAR = 0.2
"""Factor by which the closest array must be closer than the next one."""

ROUNDING = 4.0
"""Rounding errors, in units of the last place, allowed in a parameter and its gradient."""

NO_PENALTY = 1e-9
"""A factor of W in a gradient below this is rounding."""

VISIBLE = 30.0
"""Minimum size of a change that is judged, as a multiple of its rounding."""


@dataclass(frozen=True)
class Step:
    """The change of one parameter in one update.

    Arguments:
        update: the number of the update, from 1.
        name: of the parameter.
        before, after, change: (entries,), at most ENTRIES of them.
        right: the gradient of the mean loss without the penalty, at the same entries.
        own: the program's own gradient in the same scale, with its penalty; None where it was
            not recognised.
        exact: how far a fit of the change may be off, absolute.
        events: where the new value was seen.
        moved: whether any entry changed at all.
    """

    update: int
    name: str
    before: np.ndarray
    after: np.ndarray
    change: np.ndarray
    right: np.ndarray
    own: np.ndarray | None
    exact: float
    events: list[Event]
    moved: bool

    @property
    def event(self) -> Event | None:
        """The place where the new value was first seen."""
        return self.events[0] if self.events else None

    @property
    def visible(self) -> bool:
        """Whether the change is well above its rounding."""
        return float(np.abs(self.change).max(initial=0)) > VISIBLE * self.exact


def is_float32(update: Update) -> bool:
    return update.found.tolerance > TOLERANCE


def unit(update: Update) -> float:
    """The relative rounding error of the program's numbers."""
    return float(np.finfo(np.float32 if is_float32(update) else np.float64).eps)


def relative(update: Update) -> float:
    """The relative error that a gradient may have."""
    return 1e-3 if is_float32(update) else 1e-6


def held_vector(values: Values, index: int, b: np.ndarray, scale: float) -> Value | None:
    """The recorded array that equals a rebuilt vector up to its rounding; None if there is none, or
    more than one.

    None where there is none, or where several would do.
    """
    near = []
    for value in values.before(index + 1, b.shape):
        if value.raw.dtype.kind == "f":
            away = float(np.abs(value.array - b).max())
            if away <= scale:
                near.append((away, value))
    near.sort(key=lambda pair: pair[0])
    if len(near) > 1 and near[0][0] > CLEAR * near[1][0]:
        return None
    return near[0][1] if near else None


def parameters_of(values: Values, update: Update) -> dict[str, tuple[np.ndarray, Value | None]]:
    """Every parameter of a pass, as recorded, with the array that contains it."""
    assert update.case is not None
    found: dict[str, tuple[np.ndarray, Value | None]] = {}
    size = 1e3 * unit(update)
    for l, layer in enumerate(update.found.layers, start=1):
        found[f"W{l}"] = layer.W, layer.weight
        vectors = {f"b{l}": layer.b}
        if layer.norm is not None and f"gamma{l}" in update.case.parameters:
            vectors |= {f"gamma{l}": layer.norm.gamma, f"beta{l}": layer.norm.beta}
        for name, vector in vectors.items():
            source = layer.s if name.startswith("b") and not name.startswith("beta") else None
            top = 1.0 if source is None else float(np.abs(source).max())
            held = held_vector(values, update.found.index, vector, size * max(top, 1e-3))
            found[name] = (vector if held is None else held.array), held
    return found


def seen_at(held: Value | None, start: int, end: int) -> list[Event]:
    """The named events between two events at which an array was seen."""
    if held is None:
        return []
    events = [event for event in held.events if start < event.index < end]
    named = [event for event in events if event.site.kind in ("assign", "augmented", "item")]
    return named or events


def sample(a: np.ndarray) -> np.ndarray:
    """At most ENTRIES of the entries, evenly spaced."""
    flat = a.ravel()
    return np.asarray(flat[:: max(1, -(-flat.size // ENTRIES))], np.float64)


def steps_of(values: Values, updates: list[Update]) -> dict[str, list[Step]]:
    """The changes of every parameter, in order, for as long as the network can be rebuilt."""
    steps: dict[str, list[Step]] = {}
    known = [parameters_of(values, u) if u.case is not None else None for u in updates]
    for t, (u, then) in enumerate(pairwise(updates)):
        before, after = known[t], known[t + 1]
        if before is None or after is None or u.right is None or u.case is None:
            break
        zeros = {*structural_zeros(u.case.network, len(u.case.y)), *u.absent}
        for name, (old, _) in before.items():
            new, held = after.get(name, (None, None))
            if new is None or new.shape != old.shape or name in zeros:
                continue
            top = max(float(np.abs(old).max(initial=0)), float(np.abs(new).max(initial=0)))
            rounding = ROUNDING * unit(u) * top
            if held is None:
                rounding += 1e2 * unit(u) * max(1.0, top)
            change = new - old
            exact = rounding + relative(u) * float(np.abs(change).max(initial=0))
            role = None if u.roles is None else u.roles.found.get(name)
            own = None
            if role is not None and role.status != "right" and role.c:
                own = sample(role.gradient) / role.c
            events = seen_at(held, u.found.index, then.end)
            steps.setdefault(name, []).append(
                Step(
                    t + 1,
                    name,
                    sample(old),
                    sample(new),
                    sample(change),
                    sample(u.right[name]),
                    own,
                    exact,
                    events,
                    bool((change != 0).any()),
                )
            )
    return steps


def penalties(updates: list[Update], steps: dict[str, list[Step]]) -> dict[str, float]:
    """The factor of W in each weight's gradient, over that of the mean loss: 2 lambda or lambda.

    It is read from the program's gradients; where these have none, from the changes.
    """
    found: dict[str, list[float]] = {}
    for u in updates:
        for name, role in (u.roles.found if u.roles is not None else {}).items():
            if name.startswith("W") and role.status == "right" and role.value.named:
                found.setdefault(name, []).append(role.decay(u.found.n))
    told = {name: float(np.median(ds)) for name, ds in found.items()}
    for name, taken in steps.items():
        if name.startswith("W") and abs(told.get(name, 0.0)) < NO_PENALTY:
            seen = next((d for d in map(decay, taken) if d is not None), told.get(name))
            if seen is not None:
                told[name] = seen
    return told


def decay(step: Step) -> float | None:
    """The factor of W in a weight's change, divided by that of the gradient; None without one."""
    fit = two_terms(step.change, step.right, step.before)
    top = float(np.abs(step.change).max(initial=0))
    weighs = abs(fit.d) * float(np.abs(step.before).max()) > 3 * step.exact
    return fit.d / fit.c if fit.c and weighs and fit.error * top <= step.exact else None
