"""Mistakes in a forward pass, with the line where each is first visible."""

import numpy as np

from compare.watching.normalisation import BY_VARIANCE
from compare.watching.passes import Update
from compare.watching.rebuild import TWICE
from compare.watching.rebuilt import Slip
from compare.watching.recording import Event, Recording
from compare.watching.relations import close
from compare.watching.result import Finding
from compare.watching.slips import place_of
from compare.watching.values import UNNAMED, Value, Values


def slips(values: Values, updates: list[Update]) -> list[Finding]:
    """The mistakes in the forward pass, without duplicates."""
    recording = values.recording
    found: dict[str, Finding] = {}
    for update in updates:
        for slip in update.found.slips:
            said = f"Forward pass: {slip.said}."
            if slip.said == TWICE.format("softmax") and slip.value.shown.site.kind == "call":
                said += " torch's cross_entropy takes it itself: give it the logits."
            found.setdefault(
                slip.said.rpartition(":")[2],
                Finding("forward", place_of(recording, origin(values, update, slip)), (said,)),
            )
    return list(found.values())


def shared_bias(recording: Recording, updates: list[Update]) -> list[Finding]:
    """A layer that adds the b of another layer, although its own b was seen in the pass."""
    for update in updates:
        layers = update.found.layers
        for l, layer in enumerate(layers, start=1):
            for below, other in enumerate(layers[: l - 1], start=1):
                same = layer.b.shape == other.b.shape and np.array_equal(layer.b, other.b)
                if not same or not layer.b.any() or layer.source is None:
                    continue
                if own_bias(recording, update, layer.b):
                    said = f"Forward pass: layer {l} adds the b of layer {below}."
                    return [Finding("forward", place_of(recording, layer.source.shown), (said,))]
    return []


def own_bias(recording: Recording, update: Update, shared: np.ndarray) -> bool:
    """Whether another vector was seen at the place of the shared one, in the same call."""
    events = recording.events[update.start : update.found.index]
    vectors = [
        (event, np.asarray(recording.array(event.array), float).ravel())
        for event in events
        if event.array is not None
        and event.site.kind in ("assign", "return", "argument")
        and np.prod(recording.places[event.array][1]) == len(shared)
    ]
    places = {(e.site.line, e.site.file) for e, value in vectors if np.array_equal(value, shared)}
    used = {layer.b.tobytes() for layer in update.found.layers}
    return any(
        (e.site.line, e.site.file) in places and value.tobytes() not in used and value.any()
        for e, value in vectors
    )


def origin(values: Values, update: Update, slip: Slip) -> Event:
    """The place where a mistake of the forward pass is first visible."""
    norm, recording = slip.norm, values.recording
    if norm is None or norm.deviation is None:
        return caller(recording, update, slip.value)
    forms = [norm.deviation**2 - norm.eps, norm.deviation**2, norm.deviation]
    if norm.wrong == BY_VARIANCE:
        forms = []  # the variance is right; what is divided by it is not
    for event in recording.events[update.start : update.found.index]:
        if event.site.kind in UNNAMED:
            continue
        if any(event_equals(recording, event, form) for form in forms):
            return event
    return normalised(values, update, slip) or caller(recording, update, slip.value)


def normalised(values: Values, update: Update, slip: Slip) -> Event | None:
    """The place where (s - mu) / deviation was assigned, if it was recorded."""
    norm = slip.norm
    layer = next((one for one in update.found.layers if one.norm is norm), None)
    if norm is None or layer is None or layer.z is None or not norm.gamma.all():
        return None
    hat = (layer.z.rows - norm.beta) / norm.gamma
    for value in values.before(update.found.index, hat.shape):
        if any(close(rows, hat, 1e-6) for rows, _ in value.views(hat.shape)):
            return caller(values.recording, update, value)
    return None


def event_equals(recording: Recording, event: Event, form: np.ndarray) -> bool:
    """Whether a vector, or one number for all of its entries, was seen."""
    if event.value is not None:
        return bool(np.abs(form - event.value).max() <= 1e-6 * np.abs(form).max())
    if event.array is None or np.prod(recording.places[event.array][1]) != len(form):
        return False
    seen = np.asarray(recording.array(event.array), float).ravel()
    return bool(np.abs(form - seen).max() <= 1e-6 * np.abs(form).max())


def caller(recording: Recording, update: Update, value: Value) -> Event:
    """Where a wrong value is assigned: in the caller, if the line that returned it returned more
    than this value in the pass."""
    shown = value.shown
    if shown.site.kind != "return":
        return shown
    others = {
        event.array
        for event in recording.events[update.start : update.found.index]
        if event.site.id == shown.site.id
    }
    assigned = (e for e in value.events if e.index > shown.index and e.site.kind == "assign")
    return next(assigned, shown) if len(others) > 1 else shown
