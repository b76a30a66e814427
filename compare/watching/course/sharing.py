"""Gradients that accumulate over updates, and arrays shared by two names by mistake."""

import re
from dataclasses import replace

import numpy as np

from compare.watching.course.steps import Step, relative, sample
from compare.watching.course.update_rule import history_fit
from compare.watching.course.verdict import TrainingVerdict
from compare.watching.passes import Update
from compare.watching.recording import Event, Recording
from compare.watching.relations import close
from compare.watching.values import Values

KEPT = re.compile(r"best|old|prev|save|copy|backup|snapshot|keep|kept|mejor|meilleur|bast|beste")
"""Names of parameters that are stored during the training, such as the best so far."""
ALIAS = re.compile(r"^([A-Za-z_][\w.\[\]'\"]*)\s*=\s*([A-Za-z_][\w.]*)\s*(?:#.*)?$")
"""An assignment of one name to another."""


def accumulated(
    values: Values, updates: list[Update], steps: dict[str, list[Step]],
    penalties: dict[str, float], out: TrainingVerdict,
) -> dict[str, list[Step]]:  # fmt: skip
    """Find gradients that include those of earlier updates.

    Returns:
        the steps, with the accumulated gradients as the program's own.
    """
    if len(updates) < 2 or updates[1].case is None or updates[1].right is None:
        return steps
    first, second = updates[0], updates[1]
    result = dict(steps)
    for name, taken in steps.items():
        role = None if first.roles is None else first.roles.found.get(name)
        if role is None or role.status != "right" or not taken[0].moved:
            continue
        fresh = second.right[name] + penalties.get(name, 0.0) * second.case.parameters[name]  # type: ignore[index, union-attr]
        expected = role.gradient + role.c * fresh
        event = holder(values, second, expected, 10 * relative(second))
        small = np.abs(role.gradient).max() < 1e-3 * np.abs(expected).max()
        if event is None or small or explained_by(taken, fresh):
            continue
        said = (
            f"Update 2: the gradient of {name} is that of this minibatch plus that of update 1; "
            f"it is never set to zero."
        )
        out.add("gradient_accumulation", event, said)
        total = np.zeros_like(taken[0].right)
        changed = []
        for step in taken:
            total = total + step.right + penalties.get(name, 0.0) * step.before
            changed.append(replace(step, own=total))
        result[name] = changed
    return result


def holder(values: Values, update: Update, expected: np.ndarray, tolerance: float) -> Event | None:
    """The place where an array was first seen in the backward pass of an update."""
    for value in values.within(update.found.index, update.end, expected.shape):
        if value.raw.dtype.kind != "f" or not value.named:
            continue
        if any(close(rows, expected, tolerance) for rows, _ in value.views(expected.shape)):
            inside = [e for e in value.events if e.index > update.found.index]
            return next((e for e in inside if e.site.kind != "operand"), inside[0])
    return None


def explained_by(taken: list[Step], fresh: np.ndarray) -> bool:
    """Whether the second change is a multiple of the new gradient after all."""
    step = next((s for s in taken if s.update == 2), None)
    if step is None or not step.visible:
        return False
    g = sample(fresh)
    square = float(g @ g)
    c = float(step.change @ g) / square if square else 0.0
    return bool(np.abs(step.change - c * g).max() <= step.exact)


def shared_parameters(
    updates: list[Update], steps: dict[str, list[Step]], out: TrainingVerdict
) -> set[str]:
    """Find two parameters that are one array: they are equal after updates with different
    gradients."""
    shared: set[str] = set()
    names = sorted(steps)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            pairs = list(zip(steps[a], steps[b], strict=False))
            if not pairs or pairs[0][0].after.shape != pairs[0][1].after.shape:
                continue
            moved = [(s, t) for s, t in pairs if s.moved and t.moved and s.event and t.event]
            same = all(np.array_equal(s.after, t.after) for s, t in moved)
            differ = any(not np.allclose(s.right, t.right, rtol=0.01) for s, t in moved)
            if any(history_fit(s.change, [g], s.exact) is not None
                   for s, t in moved for g in (s.right, t.right)):  # fmt: skip
                continue  # both are moved by one gradient, in arrays of their own
            if len(moved) >= 2 and same and differ and moved[0][0].change.size > 1:
                said = (
                    f"{a} and {b} are one array: they are equal after each of {len(moved)} "
                    f"updates, though their gradients differ."
                )
                events = [s.event for s in moved[0] if s.event is not None]
                event = min(events, key=lambda e: e.index, default=None)
                out.add("reference_shared", event, said)
                shared |= {a, b}
    return shared


def kept_by_reference(values: Values, updates: list[Update], out: TrainingVerdict) -> None:
    """Find parameters stored under another name that change in place."""
    recording = values.recording
    parameters = {layer.weight.id for u in updates for layer in u.found.layers}
    shapes = {tuple(sorted(layer.W.shape)) for u in updates for layer in u.found.layers}
    places = {
        event.site.id
        for event in recording.events
        if event.array is not None
        and event.site.kind in ("augmented", "item")
        and (held := values.by_id.get(event.array)) is not None
        and held.id in parameters
    }
    in_place = {site.name for site in recording.sites if site.id in places}
    last = max((e.index for e in recording.events if e.site.id in places), default=-1)
    if last < 0:
        return
    for event in recording.events:
        held = None if event.array is None else values.by_id.get(event.array)
        if held is None or event.site.kind != "assign":
            continue
        if tuple(sorted(held.raw.shape)) not in shapes:
            continue
        alias = ALIAS.match(recording.text(event.site))
        if alias is None or not KEPT.search(alias[1].lower()) or alias[1] == alias[2]:
            continue
        if held.id not in parameters and not any(part_of(name, alias[2]) for name in in_place):
            continue
        moved = event.index < last or changes_later(recording, event)
        if moved and used_later(recording, event, alias[1]):
            said = (
                f"{alias[1]} is {alias[2]} itself, not a copy: the updates after it change it in "
                f"place, so that it ends as the last parameters."
            )
            out.add("reference_shared", event, said)
            return


def part_of(name: str, whole: str) -> bool:
    """Whether an expression is a name, or an element or attribute of it."""
    return name == whole or name.startswith((f"{whole}[", f"{whole}."))


def changes_later(recording: Recording, event: Event) -> bool:
    """Whether the same assignment has another value later."""
    return any(
        e.array is not None and e.array != event.array
        for e in recording.events[event.index + 1 :]
        if e.site.id == event.site.id and e.path == event.path
    )


def used_later(recording: Recording, event: Event, name: str) -> bool:
    """Whether a name occurs in the source after the line of an event."""
    lines = recording.files[event.site.file].text.splitlines()
    rest = lines[event.site.line :]
    return any(re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", line) for line in rest)


def overwritten_probabilities(values: Values, updates: list[Update], out: TrainingVerdict) -> None:
    """Find an accuracy computed from p after p - Y was written into the array of p."""
    recording = values.recording
    for u in updates:
        p = u.found.p.rows
        if u.labels is None or u.right is None or p.shape[1] < 2:
            continue
        G = p.copy()
        G[np.arange(len(p)), u.labels.y] -= 1
        right = float((p.argmax(axis=1) == u.labels.y).mean())
        wrong = float((G.argmax(axis=1) == u.labels.y).mean())
        inside = recording.events[u.found.index : u.end]
        aliases = [
            alias[2]
            for event in inside
            if event.site.kind == "assign"
            and event.array is not None
            and values.by_id.get(event.array) is u.found.p.value
            and (alias := ALIAS.match(recording.text(event.site))) is not None
        ]
        for event in inside:
            text = recording.text(event.site)
            named = [a for a in aliases if re.search(rf"argmax\(\s*{re.escape(a)}\b", text)]
            if event.value is None or not named or abs(right - wrong) < 0.02:
                continue
            if abs(event.value - wrong) < 1e-9:
                said = (
                    f"The accuracy is {wrong:.4g}, counted from p - Y; from the probabilities it "
                    f"is {right:.4g}: the gradient was written into {named[0]} itself."
                )
                out.add("reference_shared", event, said)
                return
