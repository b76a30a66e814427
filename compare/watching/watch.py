"""`twingrad watch`: run a program that trains a network, and judge what it computed."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from compare.cases import described
from compare.derivation.letters import END
from compare.numerics.structure import structural_zeros
from compare.submissions.interpreter import choose_interpreter
from compare.watching.course.penalty import NO_COST
from compare.watching.course.verdict import TrainingVerdict
from compare.watching.findings import of_one_update, of_other_trainings, with_training
from compare.watching.judge import Judged, judge_update
from compare.watching.lines import Line, identified, lines_of
from compare.watching.passes import Update, other_trainings, probabilities, training
from compare.watching.rebuild import NORMALISED
from compare.watching.result import Finding, WatchResult
from compare.watching.running import Recorded, record
from compare.watching.slips import place_of
from compare.watching.training import judge_training, own_penalties
from compare.watching.values import Value, Values
from twingrad.errors import UserError

LISTED = 5
"""Maximum number of unrecognised lines that are listed."""


MOVED = 0.1
"""Maximum relative change of a matrix in an update for it to be a weight."""

OTHER_LOSS = (
    "the gradient of the logits, from which the other gradients follow, is not that of the "
    "cross-entropy, and no number of the program is this cross-entropy: it has another loss "
    "(weights for samples or classes, soft labels) or adds gradients up over minibatches, and "
    "neither is judged"
)


def watch(
    program: Path,
    arguments: Sequence[str] = (),
    *,
    python: Path | None = None,
    data: str | None = None,
    seconds: float = 60.0,
    size: int = 400_000_000,
) -> WatchResult:
    """Runs a program or notebook and says which of its lines is the first that is wrong.

    Arguments:
        program: a Python file or a notebook.
        arguments: what it is given on its command line.
        python: the interpreter that runs it; by default the one of the folder it lies in.
        data: where CIFAR-10 is, for a program that does not find it where its author had it.
        seconds: the time limit of the program.
        size: the limit of the recording, in bytes.

    Raises:
        UserError: the program could not be run, or no training was seen.
    """
    interpreter = choose_interpreter(program, python)
    recorded = record(
        program, arguments, interpreter=interpreter.path, data=data, seconds=seconds, size=size
    )
    return judge_recording(recorded)


def judge_recording(recorded: Recorded) -> WatchResult:
    """Judge a recording with a single BLAS thread, which is faster for small arrays.

    The arrays are small: with one thread BLAS is faster, on a busy machine several times.
    """
    with threadpool_limits(1):
        return judged_recording(recorded)


def judged_recording(recorded: Recorded) -> WatchResult:
    """Judge a recording."""
    start = time.perf_counter()
    values = Values(recorded.read())
    updates = training(values)
    own, decay = own_penalties(values, updates)
    verdicts = (judge_update(update, own, decay) for update in chosen(updates))
    judged = [j for j in verdicts if j is not None]
    findings = of_one_update(values, updates, judged)
    others = other_trainings(values, updates)
    findings += of_other_trainings(values, others)
    if not judged and not findings:
        raise not_seen(recorded, values, updates)
    course = judge_training(values, updates, others)
    if other_loss(findings, judged, course):
        raise UserError(f"{recorded.program}: {OTHER_LOSS}")
    findings = with_training(findings, values, updates, judged, course)
    findings = sorted(dict.fromkeys(findings), key=lambda finding: not finding.fails)
    left = weights_left_over(values, updates)
    if left and not any(finding.fails for finding in findings):
        raise UserError(
            f"{recorded.program}: the layers of {network_words(updates)} are right, but weights of "
            f"shape {left} are updated with theirs, and the layers of those could not be rebuilt"
        )
    shown = next((j for j in judged if j.wrong is not None), judged[-1] if judged else None)
    lines = [] if shown is None else lines_of(values, shown)
    mark_faults(lines, findings)
    if any(finding.what == "forward" and finding.fails for finding in findings):
        follow(lines, findings)
    return WatchResult(
        program=str(recorded.program),
        network=network_words(updates),
        judged=judged,
        lines=lines,
        findings=findings,
        facts=course.facts,
        not_checked=[
            *course.not_checked,
            *unjudged(judged),
            *undivided(updates),
            *unrecognised(lines),
            *passed_over(others),
        ],
        ended=recorded.detail,
        warnings=recorded.warnings,
        output=recorded.printed,
        seconds=time.perf_counter() - start,
    )


def places_of(findings: list[Finding]) -> set[tuple[str, int]]:
    """File and line of every finding that fails."""
    return {(f.place.file, f.place.line) for f in findings if f.fails and f.place is not None}


def mark_faults(lines: list[Line], findings: list[Finding]) -> None:
    """Mark the lines of all faults, also of those that only the whole training shows, as wrong."""
    places = places_of(findings)
    for line in lines:
        if line.status != "wrong" and (line.label, line.site.line) in places:
            line.status = "wrong"


def follow(lines: list[Line], findings: list[Finding]) -> None:
    """Where the forward pass is wrong, let the lines that differ after it inherit that."""
    places = places_of(findings)
    for line in lines:
        if line.status == "wrong" and (line.label, line.site.line) not in places:
            line.status = "inherits"


def chosen(updates: list[Update]) -> list[Update]:
    """The first, the second and the last update: at the first, b is 0, gamma is 1 and there is no
    momentum."""
    return [u for i, u in enumerate(updates) if i in (0, 1, len(updates) - 1)]


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
    """Whether nothing but the gradient of the logits is wrong, in no known way, and the program
    does not compute the cross-entropy either."""
    if any(finding.what != "backward" for finding in findings):
        return False
    wrong = [j.examination for j in judged if j.wrong is not None and j.examination is not None]
    return (
        NO_COST in course.not_checked
        and any(wrong)
        and all(
            found.best is None and [step.step.operation for step in found.steps] == [END]
            for found in wrong
        )
    )


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
    said = "dropout: training does not divide by the share that is kept; whether evaluation "
    return [f"{said}multiplies by it"] if plain else []


def unrecognised(lines: Sequence[object]) -> list[str]:
    """Lines whose arrays were not recognised."""
    unknown = [line for line in lines if line.status == "unknown"]  # type: ignore[attr-defined]
    if not unknown:
        return []
    named = ", ".join(line.place for line in unknown[:LISTED])  # type: ignore[attr-defined]
    more = "" if len(unknown) <= LISTED else f" and {len(unknown) - LISTED} more"
    share = identified(list(lines))  # type: ignore[arg-type]
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
        seen = "no softmax was seen, and other losses than its cross-entropy are not judged"
    elif updates and updates[0].found.lacks == NORMALISED:
        seen = f"the softmax is taken of {NORMALISED}"
    elif not updates or not updates[0].found.layers:
        seen = "a softmax was seen, but not the affine layer below it"
    elif updates[0].cost:
        seen = f"its cost is {updates[0].cost}, and only the cross-entropy is judged"
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
        f"{recorded.program}: no training of a softmax network could be rebuilt: {seen} "
        f"({recorded.detail}){advice}"
    )
