"""The mode of torch's batch norm and dropout: train mode in updates, eval mode in evaluations."""

import re
from dataclasses import replace

from compare.watching.course.verdict import TrainingVerdict
from compare.watching.passes import Update
from compare.watching.recording import Event, Recording
from compare.watching.values import Values

MODE = re.compile(r"^(.*)\.training(, no gradient)?$")
"""The name under which the recorder stores the mode of a batch norm at each call."""

DROPPING = re.compile(r"^(.*)\.dropping(, no gradient)?$")
"""The same for dropout."""

MODULES = ("forward", "__call__")
"""Functions of modules; their caller decides on the mode."""


def modes(recording: Recording, kind: re.Pattern[str] = MODE) -> list[Event]:
    """The modes of every recorded call of a batch norm, or of another kind of module: 1 in train
    mode, 0 in eval mode."""
    return [
        event
        for event in recording.events
        if event.value is not None and event.site.kind == "call" and kind.match(event.site.name)
    ]


def without_gradient(event: Event) -> bool:
    return event.site.name.endswith("no gradient")


def in_updates(events: list[Event], updates: list[Update]) -> list[Event]:
    """Events at places that are updates, as their gradients confirm."""
    sure = [u for u in updates if u.labels is not None and u.labels.confirmed]
    places = {
        (e.site.id, e.stack) for e in events for u in sure if u.start <= e.index <= u.found.index
    }
    return [e for e in events if (e.site.id, e.stack) in places and not without_gradient(e)]


def frozen(values: Values, updates: list[Update]) -> Event | None:
    """The first call of a batch norm in eval mode in an update."""
    events = in_updates(modes(values.recording), updates)
    return next((e for e in events if e.value == 0), None)


def frozen_at_first(values: Values, updates: list[Update]) -> bool:
    """Whether batch norm is in eval mode from the first update on."""
    event = frozen(values, updates)
    return event is not None and event.index <= updates[0].found.index


def judge_modes(values: Values, updates: list[Update], out: TrainingVerdict) -> None:
    """Report updates in eval mode and evaluations in train mode."""
    events = modes(values.recording)
    event = frozen(values, updates)
    if event is not None:
        earlier = any(e.value == 1 for e in in_updates(events, updates) if e.index < event.index)
        said = f"{layer(event)} is in eval mode in an update: it normalises the minibatch with "
        said += "running statistics, which then no longer change."
        if earlier:
            said += " Earlier updates were in train mode: call train() again after the evaluation."
        out.add("running_statistics", event, said)
    later = [e for e in events if e.index > updates[0].end]  # a first pass may be a trial
    training = [e for e in later if without_gradient(e) and e.value == 1]
    if training and event is None:
        said = f"{layer(training[0])} is in train mode where no gradient is computed: it uses the "
        said += "samples' own statistics and changes the running ones."
        out.add("evaluation", training[0], said)
    judge_dropping(values, updates, out)


def judge_dropping(values: Values, updates: list[Update], out: TrainingVerdict) -> None:
    """Report evaluations in which dropout is in train mode, and updates in which it is not."""
    events = modes(values.recording, DROPPING)
    later = [e for e in events if e.index > updates[0].end]
    dropping = [e for e in later if without_gradient(e) and e.value == 1]
    still = [e for e in in_updates(events, updates) if e.value == 0]
    if still:
        said = f"{layer(still[0])} is in eval mode in an update: it drops nothing."
        out.add("dropout", still[0], said)
    elif dropping:
        said = f"{layer(dropping[0])} is in train mode where no gradient is computed: it drops "
        said += "units of an evaluation. Call eval() before it, and train() after it."
        out.add("dropout", dropping[0], said)


def evaluates(values: Values) -> bool:
    """Whether some batch norm was called in eval mode, and none in train mode without gradients."""
    events = [e for e in modes(values.recording) if e.value == 0 or without_gradient(e)]
    return bool(events) and not any(e.value == 1 for e in events)


def layer(event: Event) -> str:
    for kind, name in ((MODE, "Batch norm"), (DROPPING, "Dropout")):
        found = kind.match(event.site.name)
        if found:
            return f"{name} {found[1]}"
    return ""


def outside(recording: Recording, event: Event) -> Event:
    """The event at the line that called the program's modules, for one inside a module of torch's.

    There the mode is decided, and not in `forward`.
    """
    if event.site.kind != "call" or event.site.function not in MODULES:
        return event
    for file, line, function in recording.stacks[event.stack][1:]:
        if function not in MODULES:
            site = replace(event.site, file=file, line=line, end_line=line, function=function)
            return replace(event, site=site)
    return event
