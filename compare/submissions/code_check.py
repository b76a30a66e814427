"""`check --code`: compare the user's gradients with every reference, and diagnose what is wrong."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import numpy as np

import manual_impl
from compare.diagnosis.catalogue.schedule_faults import right
from compare.diagnosis.evidence import Evidence
from compare.diagnosis.state_diagnosis import examine_states
from compare.diagnosis.states import States, course, judge_states, recipe_of
from compare.numerics.agreement import CaseVerdict
from compare.numerics.structure import VALUE, is_value
from compare.reports.check_result import CheckResult
from compare.submissions import Answer, Finding, Request, Submission, run_code
from compare.submissions.asking.dropping import DROPOUT
from compare.submissions.conventions import (
    PENALTIES,
    convention,
    evidence_of,
    taken_at_kink,
)
from compare.submissions.coverage import covered, left_out
from compare.submissions.departures import departure_of, judge_departure
from compare.submissions.exchanged import exchanged
from compare.submissions.guards import without_guard
from compare.submissions.judging import judge_answer
from compare.submissions.other_layers import other_layers
from compare.submissions.own_cost import dropout_sentences, judge_dropout, own_cost_hints
from compare.submissions.running import conventions_of, judge_object, object_sentences
from compare.submissions.single.verdicts import judge_layer, sentences
from twingrad.errors import UserError
from twingrad.network import EPS

OUTPUTS = {"p", "loss", "cost"}
"""What a forward pass is needed for."""

RAISED = ("exception", "exit")
"""Findings that say what is wrong where nothing was compared."""


def check_code(
    path: Path,
    name: str | None,
    request: Request,
    *,
    time_limit: float = 60.0,
    eps: float | None = None,
    python: Path | None = None,
) -> CheckResult:
    """Run the code in a separate process and judge its results.

    Arguments:
        path: the file.
        name: of the function, class or object in it; None finds one.
        request: networks to try; with nothing given, a set that shows every known fault.
        time_limit: seconds for the code.
        eps: what the code is meant to add to the variance; None takes the layout's.
        python: the interpreter that runs the code; None chooses one.

    Raises:
        UserError: no such file, no such name, or nothing in it that is recognised.
    """
    loading = Thread(target=import_autograd)  # while the child is at work
    loading.start()
    try:
        submission = run_code(path, name, request, time_limit=time_limit, python=python)
    finally:
        loading.join()
    return judge_submission(submission, request, eps)


def judge_submission(submission: Submission, request: Request, eps: float | None) -> CheckResult:
    """Judge the results of the user's code.

    Arguments:
        request: what it was asked.
        eps: what the code is meant to add to the variance; None takes the layout's.

    Raises:
        UserError: it gave nothing that can be judged.
    """
    path = submission.path
    could_be_run(submission)
    submission = unless_slow(submission)
    answers, guard = without_guard(handed(submission, request), submission.eps_forms or (EPS,))
    submission = told_apart(replace(submission, answers=answers), eps)
    assumed = dict(submission.assumed)
    if guard is not None:
        assumed["logarithm"] = f"of p + {guard:g} in the cost, a guard that no gradient needs"
    cases, reading, hints = judge_answers(submission, eps)
    assumed |= reading
    layers = [layer for layer in submission.layers if not layer.problem]
    cases += map(judge_layer, layers)
    assumed |= {layer.name: layer.convention for layer in layers if layer.convention}
    states = None
    compared = sum(len(case.tensors) for case in cases)
    if submission.layers and not layers:
        problems = "; ".join(f"{layer.name}: {layer.problem}" for layer in submission.layers)
        raise UserError(f"{path}: no layer could be compared: {problems}")
    failures = [finding for finding in submission.findings if finding.fails]
    raised = any(finding.kind in RAISED for finding in failures)
    if not (compared or submission.states or raised):
        first = f": {failures[0].message}" if failures else ""
        raise UserError(f"{path}: it returned nothing that could be compared{first}")
    agreeing = all(case.verdict == "agree" for case in cases)
    hints += dropout_sentences(submission.dropped, agreeing)
    cases += map(judge_dropout, submission.dropped)
    cases += judge_object(submission.running, submission.evaluations)
    followed = conventions_of(submission.running)
    assumed |= {"running statistics": followed} if followed else {}
    if submission.states:
        verdicts = judge_states("by hand", right_course(), submission.states)
        states = examine_states(submission.states, verdicts)
        cases.append(CaseVerdict("training", tuple(verdicts), None))
    return CheckResult(
        title=f"your code: {path.name}",
        cases=tuple(cases),
        findings=(*submission.findings, *lower_precision(submission)),
        assumed=assumed,
        output=submission.output,
        lines=submission.lines,
        path=str(path),
        states=states,
        hints=(
            *(said for layer in layers for said in sentences(layer)),
            *object_sentences(submission.running, submission.evaluations),
            *hints,
        ),
        untried=(
            *(said for said in submission.untried if not said.startswith(DROPOUT)),
            *(f"{layer.name} ({layer.problem})" for layer in submission.layers if layer.problem),
            *(
                f"{layer.name}: d{name} (not returned)"
                for layer in layers
                for name in layer.missing
            ),
            *(left_out(submission) if submission.answers else ()),
            *(said for said in submission.untried if said.startswith(DROPOUT)),
        ),
        covered=covered(submission),
    )


def judge_answers(
    submission: Submission, eps: float | None
) -> tuple[list[CaseVerdict], dict[str, str], list[str]]:
    """Judge every case of a network under the code's conventions.

    Returns:
        The cases, the assumed conventions, and further notes.

    Raises:
        UserError: its network has a layer that is not known here.
    """
    answers = submission.answers
    form, chosen_eps = convention(submission, eps)
    wrong = any(evidence_of(answer, form, chosen_eps).wrong for answer in answers)
    departure = departure_of(submission, eps) if wrong else None
    assumed: dict[str, str] = {}
    hints: list[str] = []
    if departure is not None:
        taken, form, chosen_eps = departure
        cases = [judge_departure(answer, taken, form, chosen_eps) for answer in answers]
        assumed[taken.subject] = taken.said
    else:
        seen = [(answer, evidence_of(answer, form, chosen_eps)) for answer in answers]
        if wrong:
            refuse_other_layers(submission, [evidence for _, evidence in seen])
        cases = [judge_answer(answer, form, chosen_eps) for answer in answers]
        cases, sloping = taken_at_kink(cases)
        hints += own_cost_hints(seen)
        hints += exchanged([evidence for _, evidence in seen])
        if sloping:
            assumed["ReLU"] = "slope 1 where its input is exactly 0 (>= 0), a convention"
    if answers:
        assumed["penalty"] = PENALTIES[form]
        if any(answer.spec.batch_norm for answer in answers):
            assumed["eps"] = f"{chosen_eps:g}, added to the variance under the root"
    return cases, assumed, hints


def refuse_other_layers(submission: Submission, seen: Iterable[Evidence]) -> None:
    """Reject code with unknown layers, which is not wrong.

    Raises:
        UserError: its probabilities are those of such a network.
    """
    for evidence in seen:
        other = other_layers(evidence)
        if other:
            raise UserError(
                f"{submission.path}: its hidden layers have {other}; check --code takes batch norm "
                "or none, and ReLU, leaky ReLU, GELU, tanh or the sigmoid"
            )


def lower_precision(submission: Submission) -> Iterable[Finding]:
    """Findings for gradients in a lower precision than that of the inputs."""
    for answer in submission.answers:
        bits = np.finfo(answer.dtype).bits
        low = {
            name: str(value.dtype)
            for name, value in answer.gradients.items()
            if value.dtype.kind == "f" and np.finfo(value.dtype).bits < bits
        }
        if low:
            said = (
                f"{answer.dtype} was passed, but gradients are returned in a lower precision: "
                f"{', '.join(f'{name} in {dtype}' for name, dtype in low.items())}. They are "
                f"judged as {answer.dtype}; look for dtype=, astype, .float() or a float32 array"
            )
            yield Finding("precision", said, None, True, next(iter(low)))
            return


def right_course() -> States:
    """The states of a training by hand with the right learning rates."""
    rates = right(recipe_of("sgd").schedule)
    return course(SimpleNamespace(learner=manual_impl.learner, learning_rates=rates))


def could_be_run(submission: Submission) -> None:
    """Reject code that could not be imported or called, which is not wrong.

    Raises:
        UserError: the file could not be imported, or nothing it defines could be called.
    """
    failures = [finding for finding in submission.findings if finding.fails]
    if submission.answers:
        return
    if failures and not submission.layout:
        said = failures[0].message
        hint = f"; if it is a program that trains, try: twingrad watch {submission.path}"
        if failures[0].kind == "syntax":
            hint = ""
        elif failures[0].kind in ("python", "package") or "FileNotFoundError" in said:
            ran = f"; it was run by {submission.ran}; name another with --python"
            hint = ran + (hint if failures[0].kind == "exception" else "")
        raise UserError(f"{submission.path} cannot be imported: {said}{hint}")
    if failures and (failures[0].kind, failures[0].tensor) in (("keys", None), ("call", None)):
        hint = ""
        if failures[0].kind == "call":
            hint = f"; write an adapter, or if it trains, try: twingrad watch {submission.path}"
        raise UserError(f"{submission.path}: {failures[0].message}{hint}")
    if failures and failures[0].kind == "hang":
        raise UserError(
            f"{submission.path}: {failures[0].message}; nothing could be compared until then "
            "(--time-limit gives it more time)"
        )


def unless_slow(submission: Submission) -> Submission:
    """The same, without blaming code that gave some answers for running out of time."""
    findings = tuple(replace(f, fails=f.fails and f.kind != "hang") for f in submission.findings)
    return replace(submission, findings=findings)


def handed(submission: Submission, request: Request) -> tuple[Answer, ...]:
    """The answers with the dtype of their inputs."""
    return tuple(replace(answer, dtype=request.dtype) for answer in submission.answers)


def told_apart(submission: Submission, eps: float | None) -> Submission:
    """Leaves out what was handed over under a name but is not what the name says.

    Where p is right, so is every value on the way to it; a list of S or v that is not was
    overwritten, or holds something else, such as standard deviations.
    """
    form, chosen_eps = convention(submission, eps)
    answers, names = [], set()
    for answer in submission.answers:
        evidence = evidence_of(answer, form, chosen_eps)
        values = [name for name in evidence.wrong if is_value(name)]
        wrong = [name for name in values if name.removeprefix(VALUE) not in OUTPUTS]
        if "p" in answer.forward and "forward p" not in evidence.wrong:
            answer = replace(answer, misleading=tuple(wrong))
            names |= {name.removeprefix(VALUE) for name in wrong}
        answers.append(answer)
    if not names:
        return submission
    said = (
        f"what you hand over as {', '.join(sorted(names))} is not that (overwritten in place, or "
        "something else under its name), while p is right: these were not judged"
    )
    finding = Finding("values", said, None, False)
    findings = (*submission.findings, finding)
    return replace(submission, answers=tuple(answers), findings=findings)


def import_autograd() -> None:
    """Import torch, which takes longer than running most code."""
    import torch_impl  # noqa: F401
