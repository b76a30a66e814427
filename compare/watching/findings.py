"""What is wrong, in order: the forward pass, the gradients of one update, the training."""

from compare.watching.course.torch_modes import frozen_at_first, outside
from compare.watching.course.verdict import TrainingFinding, TrainingVerdict
from compare.watching.forward_slips import shared_bias, slips
from compare.watching.judge import Judged, judge_update
from compare.watching.passes import Update
from compare.watching.recording import Recording
from compare.watching.result import Finding, Place
from compare.watching.slips import (
    inside_batch_norm,
    other_mean,
    place_of,
    single_numbers,
    unused_biases,
)
from compare.watching.values import Values


def of_one_update(values: Values, updates: list[Update], judged: list[Judged]) -> list[Finding]:
    """What is wrong in the forward pass; else the first wrong gradient."""
    recording = values.recording
    found = [
        *slips(values, updates),
        *unused_biases(recording, updates),
        *shared_bias(recording, updates),
    ]
    if found:
        return found
    for j in judged:
        term = inside_batch_norm(values, j)
        if term is not None:
            j.wrong, j.event = term, term.shown
    numbers = [f for j in judged[-1:] for f in single_numbers(values, j)]
    means = [f for j in judged if (f := other_mean(values, j)) is not None]
    wrong = numbers or means[:1] or wrong_gradients(recording, judged)
    return [*multiplied(recording, judged), *wrong]


def of_other_trainings(values: Values, others: list[Update]) -> list[Finding]:
    """What is wrong in the first update of each other training of the program."""
    found: list[Finding] = []
    for update in others:
        judged = judge_update(update)
        if judged is not None:
            found += of_one_update(values, [update], [judged])
    return found


def with_training(
    findings: list[Finding],
    values: Values,
    updates: list[Update],
    judged: list[Judged],
    course: TrainingVerdict,
) -> list[Finding]:
    """The same with what is wrong in the training, without gradients that follow from that."""
    if explains_gradients(values, updates, judged, course):
        findings = [f for f in findings if f.what != "backward"]
    forward = any(finding.what == "forward" for finding in findings)
    differentiated = autograd(judged) and (forward or wrong_cost(course))
    unjust: tuple[str, ...] = ("update", "momentum") if differentiated else ()
    if any(finding.fails for finding in findings):
        unjust += ("shift",)  # which follows from a wrong way down to s
    said = [
        Finding(
            found.what,
            None if found.event is None else course_place(values.recording, found),
            (found.said,),
            found.fails,
        )
        for found in course.findings
        if found.what not in unjust
    ]
    places = {finding.place for finding in findings if finding.what == "backward"}
    # a penalty that differs from that of other layers is a wrong gradient too
    return [*findings, *(f for f in said if f.what != "penalty" or f.place not in places)]


def multiplied(recording: Recording, judged: list[Judged]) -> list[Finding]:
    """A factor that all gradients share, and that is neither 1 nor n."""
    for j in judged:
        if j.multiplied is not None:
            event, said = j.multiplied
            return [Finding("backward", place_of(recording, event), (said,))]
    return []


def wrong_gradients(recording: Recording, judged: list[Judged]) -> list[Finding]:
    """The first wrong gradient, in the words of the update in which most was seen, of those that
    explain it."""
    faulty = [j for j in judged if j.wrong is not None]
    explained = [j for j in faulty if j.examination is not None and j.examination.best is not None]
    if not faulty:
        return []
    told = max(explained or faulty, key=lambda j: len(j.verdict.tensors))
    assert told.event is not None
    return [Finding("backward", place_of(recording, told.event), tuple(told.said))]


def explains_gradients(
    values: Values, updates: list[Update], judged: list[Judged], course: TrainingVerdict
) -> bool:
    """Whether gradients are wrong by what was found out about the training: they hold those of the
    updates before, batch norm is in eval mode, or autograd differentiates a wrong cost."""
    added = any(found.what == "gradient_accumulation" for found in course.findings)
    differentiated = autograd(judged) and wrong_cost(course)
    return (added and judged[0].wrong is None) or differentiated or frozen_at_first(values, updates)


def autograd(judged: list[Judged]) -> bool:
    """Whether gradients were seen where torch computes them."""
    return any(
        role.shown.site.kind == "module"
        for j in judged
        if j.update.roles is not None
        for role in j.update.roles.found.values()
    )


def wrong_cost(course: TrainingVerdict) -> bool:
    return any(found.what == "cost" and found.fails for found in course.findings)


def course_place(recording: Recording, found: TrainingFinding) -> Place:
    """The line of a finding; where batch norm is in the wrong mode, the line that called it."""
    assert found.event is not None
    event = found.event
    if found.what in ("evaluation", "running_statistics", "dropout"):
        event = outside(recording, event)
    return place_of(recording, event)
