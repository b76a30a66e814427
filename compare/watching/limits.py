"""What cannot be judged, and what was not checked, in words."""

from collections.abc import Sequence

import numpy as np

from compare.cases import described, one_hot
from compare.numerics.structure import structural_zeros
from compare.watching.course.penalty import NO_COST
from compare.watching.course.verdict import TrainingVerdict
from compare.watching.findings import autograd
from compare.watching.judge import Judged
from compare.watching.lines import Line, identified
from compare.watching.passes import MIXED, NO_WEIGHTS, Update
from compare.watching.probabilities import probabilities
from compare.watching.rebuild import NORMALISED
from compare.watching.result import Finding
from compare.watching.running import Recorded
from compare.watching.slips import place_of
from compare.watching.values import Value, Values
from twingrad.errors import UserError

LISTED = 5
"""Maximum number of unrecognised lines that are listed."""

MOVED = 0.1
"""Maximum relative change of a matrix in an update for it to be a weight."""

OTHER_LOSS = (
    "the gradient of the logits differs from that of the {loss}, and no known mistake explains it: "
    "the program may have another loss (weights for samples or classes, soft labels) or add "
    "gradients up over minibatches, and neither is judged"
)


def network_words(updates: list[Update]) -> str:
    """A description such as "3072-50-10 BN, batches of 100, samples in columns"."""
    whole = next((u for u in updates if u.case is not None), None)
    if whole is None or whole.case is None:
        return "not rebuilt as a whole"
    where = "columns" if whole.found.columns else "rows"
    return f"{described(whole.case.network)}, batches of {whole.found.n}, samples in {where}"


def unjudged(judged: list[Judged]) -> list[str]:
    """Gradients that were never seen, and whose parameters were not updated."""
    missing: set[str] = set()
    for j in judged:
        updates = {} if j.update.roles is None else j.update.roles.updates
        missing |= {n for n in j.verdict.not_judged if n not in updates or not updates[n].c}
    seen = {tensor.name for j in judged for tensor in j.verdict.tensors}
    first = judged[0].update if judged else None
    zeros = (
        {*structural_zeros(first.case.network, first.found.n)} - first.absent
        if first is not None and first.case is not None
        else set()
    )
    said = [f"the gradient of {name}: it was not seen" for name in sorted(missing - seen)]
    if zeros:
        said.append(
            f"the gradient of {', '.join(sorted(zeros))}: it should be zero but for rounding, "
            "because the batch norm above cancels any shift"
        )
    return said


def other_loss(findings: list[Finding], judged: Sequence[Judged], course: TrainingVerdict) -> bool:
    """Whether only the gradient of the logits is wrong, no known mistake explains it, and it may be
    that of another loss.

    Below a softmax, a program that computes the cross-entropy has it as its loss. Below sigmoids
    that proves nothing: many programs compute it beside another loss.
    """
    wrong = [j for j in judged if j.wrong is not None]
    sigmoids = bool(wrong) and not wrong[0].update.found.softmax
    computed = NO_COST not in course.not_checked
    if sigmoids:  # gradients that add up are seen over several updates
        computed = any(found.fails for found in course.findings)
    if computed or any(f.what != "backward" for f in findings if f.fails):
        return False
    return bool(wrong) and all(at_the_end(j) and (sigmoids or may_be_meant(j)) for j in wrong)


def at_the_end(j: Judged) -> bool:
    """Whether the output and its loss alone are suspected, and no fault explains it."""
    found = j.examination
    steps = [] if found is None else [step.step.operation for step in found.steps]
    first = steps == ["softmax"] or steps[:1] == ["output"]
    return found is not None and found.best is None and first


def may_be_meant(j: Judged) -> bool:
    """Whether the gradient of the logits is p less soft labels, is that of the cross-entropy with a
    weight for each sample, or was not seen because torch computed it."""
    update = j.update
    assert update.case is not None
    assert update.roles is not None
    role = update.roles.found.get(f"s{update.case.network.depth}")
    if role is None:
        return autograd([j])
    p, G, n = update.found.p.rows, role.gradient, update.found.n
    limit = 10 * update.found.tolerance
    for scale in (1, n):
        labels = p - scale * G
        shares = labels.min() >= -limit and np.abs(labels.sum(axis=1) - 1).max() <= limit
        if shares:
            return True
    away = p - one_hot(update.case.y, p.shape[1])
    weights = (G * away).sum(axis=1) / (away * away).sum(axis=1)
    error = np.abs(G - weights[:, None] * away).max()
    return bool((weights >= 0).all() and error <= limit * np.abs(G).max())


def weights_left_over(values: Values, updates: list[Update]) -> str:
    """The shapes of matrices that an update changes a little under their names, as it changes
    weights, and that the network does not have."""
    update = next((u for u in updates if u.case is not None), None)
    if update is None or update.case is None:
        return ""
    own = {tuple(sorted(W.shape)) for W in update.case.parameters.values()}
    before: dict[tuple[object, ...], Value] = {}
    left: dict[tuple[int, ...], None] = {}
    for event in values.recording.events[: update.end]:
        held = None if event.array is None else values.by_id.get(event.array)
        if held is None or event.site.kind not in ("assign", "augmented", "item"):
            continue
        shape = held.raw.shape
        known = tuple(sorted(shape)) in own or held.parts  # with b as one more row or column
        if held.raw.dtype.kind != "f" or len(shape) != 2 or min(shape) < 2 or known:
            continue
        name = event.site.file, event.name, shape
        old = before.get(name)
        if event.index < update.found.index or old is None:
            before[name] = held
        elif 0 < np.linalg.norm(held.raw - old.raw) < MOVED * np.linalg.norm(old.raw):
            left[shape] = None
    return ", ".join(map(str, left))


def undivided(updates: list[Update]) -> list[str]:
    """Dropout that does not divide by the share that is kept."""
    layers = [layer for update in updates[:1] for layer in update.found.layers]
    plain = any(layer.mask is not None and abs(layer.factor - 1) < 1e-6 for layer in layers)
    said = "whether evaluation multiplies by the share that dropout keeps: training does not "
    return [f"{said}divide by it"] if plain else []


def unrecognised(lines: Sequence[Line]) -> list[str]:
    """Lines whose arrays were not recognised."""
    unknown = [line for line in lines if line.status == "unknown"]
    if not unknown:
        return []
    named = ", ".join(line.place for line in unknown[:LISTED])
    more = "" if len(unknown) <= LISTED else f" and {len(unknown) - LISTED} more"
    share = identified(list(lines))
    return [f"{named}{more}: not recognised ({share:.0%} of the lines of an update were)"]


def passed_over(others: list[Update]) -> list[str]:
    """What was not looked at in the other trainings of the program."""
    return [
        f"the training of {network_words([update])}: of it only the first update was compared"
        for update in others
    ]


def not_seen(recorded: Recorded, values: Values, updates: list[Update]) -> UserError:
    """The reason why there is nothing to judge."""
    failed = recorded.reason == "exception" or (recorded.reason == "exit" and not values.all)
    if recorded.lack is not None or failed:
        return recorded.failure()
    if not values.all:
        seen = "no array was assigned"
    elif not probabilities(values):
        seen = (
            "no softmax was seen, and no sigmoids; other losses than their cross-entropies and the "
            "squared error of sigmoids are not judged"
        )
    elif updates and updates[0].found.lacks == NORMALISED:
        end = "softmax" if updates[0].found.softmax else "sigmoid"
        seen = f"the {end} is taken of {NORMALISED}"
    elif updates and updates[0].found.lacks == NO_WEIGHTS:
        seen = "no softmax was seen, and no labels and gradients that fit the sigmoids"
    elif not updates or not updates[0].found.layers:
        end = "sigmoid" if updates and not updates[0].found.softmax else "softmax"
        seen = f"a {end} was seen, but not the affine layer below it"
    elif updates[0].cost:
        seen = f"its cost is {updates[0].cost}, and only the cross-entropy is judged"
    elif updates[0].found.lacks.startswith(MIXED):
        seen = f"it has {updates[0].found.lacks}, and only networks with one kind are judged"
    elif not updates[0].found.complete:
        at = place_of(values.recording, updates[0].found.layers[0].h.value.shown)
        seen = f"the network was rebuilt down to {updates[0].found.lacks} ({at}: {at.text})"
    else:
        seen = "no labels were seen that fit the probabilities"
    advice = ""
    if recorded.reason == "time":
        advice = "; if its training had not begun by then, give it more time with --seconds"
    elif recorded.reason == "size":
        advice = "; a larger recording, with --size, may show more"
    elif not updates:
        advice = "; for code that only defines functions use twingrad check --code"
    return UserError(
        f"{recorded.program}: no training of a network could be rebuilt: {seen} "
        f"({recorded.detail}){advice}"
    )
