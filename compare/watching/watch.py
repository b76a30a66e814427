"""`twingrad watch`: run a program that trains a network, and judge what it computed."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from compare.derivation.units import loss_words
from compare.submissions.interpreter import choose_interpreter
from compare.watching.findings import of_one_update, of_other_trainings, with_training
from compare.watching.judge import Judged, judge_update
from compare.watching.limits import (
    OTHER_LOSS,
    network_words,
    not_seen,
    other_loss,
    passed_over,
    undivided,
    unjudged,
    unrecognised,
    weights_left_over,
)
from compare.watching.lines import Line, lines_of
from compare.watching.passes import Update, other_trainings, training
from compare.watching.result import Finding, WatchResult
from compare.watching.running import Recorded, record
from compare.watching.training import judge_training, read_penalty
from compare.watching.values import Values
from twingrad.errors import UserError


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
    penalty = read_penalty(values, updates)
    verdicts = (judge_update(u, penalty.own, penalty.confirmed) for u in chosen(updates))
    judged = [j for j in verdicts if j is not None]
    findings = of_one_update(values, updates, judged)
    others = other_trainings(values, updates)
    findings += of_other_trainings(values, others)
    if not judged and (not findings or not updates[0].found.softmax):
        raise not_seen(recorded, values, updates)
    course = judge_training(values, updates, others, penalty)
    if other_loss(findings, judged, course):
        update = judged[0].update
        assert update.case is not None
        network = update.case.network
        loss = loss_words(network.loss, network.classes, update.unit)
        raise UserError(f"{recorded.program}: {OTHER_LOSS.format(loss=loss)}")
    findings = with_training(findings, values, updates, judged, course)
    findings = sorted(dict.fromkeys(findings), key=lambda finding: not finding.fails)
    with np.errstate(all="ignore"):  # buffers that the program has not filled hold any number
        left = weights_left_over(values, updates)
    if left and not any(finding.fails for finding in findings if explained(finding, judged)):
        raise UserError(
            f"{recorded.program}: beside the layers of {network_words(updates)}, weights of shape "
            f"{left} are updated, and the layers of those could not be rebuilt"
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


def explained(finding: Finding, judged: list[Judged]) -> bool:
    """Whether a finding is more than a wrong gradient that no known fault explains."""
    wrong = [j for j in judged if j.wrong is not None]
    known = any(j.examination is not None and j.examination.best is not None for j in wrong)
    return finding.what != "backward" or not wrong or known


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
