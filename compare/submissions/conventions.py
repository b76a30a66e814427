"""Conventions of the user's code for lambda and eps, and its values under these conventions."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from typing import cast

import numpy as np

from compare.cases import Case
from compare.derivation.wording import Form
from compare.diagnosis.evidence import ROUNDING, Evidence
from compare.diagnosis.search import Match
from compare.numerics.agreement import CaseVerdict, judge
from compare.numerics.precision import ROUNDINGS, rounded
from compare.numerics.structure import together
from compare.submissions import Answer, Submission
from compare.submissions.own_cost import differs
from twingrad.network import EPS

PENALTIES: dict[Form, str] = {
    "full": "lambda sum ||W||^2, gradient 2 lambda W",
    "half": "lambda/2 sum ||W||^2, gradient lambda W",
}


def convention(submission: Submission, eps: float | None) -> tuple[Form, float]:
    """What lambda and eps mean in this code: the reading that leaves least wrong.

    A penalty other than the layout's own is believed only where the code's own cost says so.
    """
    if not submission.answers:
        return "full", EPS
    all_eps = submission.eps_forms if eps is None else (eps,)
    first, *others = cast(tuple[Form, ...], submission.penalty_forms)
    forms: list[Form] = [
        first,
        *(form for form in others if cost_says(submission.answers, form, all_eps)),
    ]

    def wrong(reading: tuple[Form, float]) -> tuple[int, float]:
        seen = [evidence_of(answer, *reading) for answer in submission.answers]
        return sum(len(e.wrong) for e in seen), max(map(misfit, seen))

    return min(product(forms, all_eps), key=wrong)  # of equals, the first


def misfit(evidence: Evidence) -> float:
    """The order of magnitude of the largest error, where it is beyond mere rounding: two eps may
    both be right within the limits, and one of them by far."""
    residual = evidence.residual(evidence.right)
    return float(np.floor(np.log10(max(residual, evidence.rounding / 100))))


def cost_says(answers: Iterable[Answer], form: Form, all_eps: Sequence[float]) -> bool:
    """Whether the code's cost contains the penalty of W in this form, according to its value or its
    central differences."""
    seen = [answer for answer in answers if "cost" in answer.forward and answer.spec.penalty]
    readings = [[evidence_of(answer, form, eps) for answer in seen] for eps in all_eps]
    by_value = any(all("forward cost" not in e.wrong for e in reading) for reading in readings)
    return bool(seen) and (by_value or any(map(weights_say, readings, [seen] * len(readings))))


def weights_say(reading: Sequence[Evidence], answers: Sequence[Answer]) -> bool:
    """Whether the gradients of W are right and belong to the code's own cost."""
    differentiated = [
        (evidence, name, entries)
        for evidence, answer in zip(reading, answers, strict=True)
        for name, entries in answer.own_cost.items()
        if name.startswith("W")
    ]
    wrong = {name for evidence in reading for name in evidence.wrong}
    return bool(differentiated) and not any(
        name in wrong or differs(evidence.right[name], entries)
        for evidence, name, entries in differentiated
    )


AT_KINK = "ReLU mask at >= 0"
"""The fault that is a convention if the input is exactly 0, which never happens in training."""


def taken_at_kink(cases: Sequence[CaseVerdict]) -> tuple[list[CaseVerdict], bool]:
    """The cases with a ReLU's slope of 1 at exactly 0 taken as a convention.

    Returns:
        The cases, of which those agree that this slope explains, and whether there was one; as
        they were given if something else is wrong too.
    """
    matches = {c.name: at_kink_match(c) for c in cases if c.verdict == "disagree"}
    if not matches or None in matches.values():
        return list(cases), False
    return [judged_at_kink(c, matches[c.name]) if c.name in matches else c for c in cases], True


def at_kink_match(case: CaseVerdict) -> Match | None:
    """The explanation of a case by this convention."""
    found = [] if case.examination is None else case.examination.diagnosis.matches
    names = [(m, {part.fault.name for part in m.candidate.parts}) for m in found]
    return next((match for match, parts in names if parts == {AT_KINK}), None)


def judged_at_kink(case: CaseVerdict, match: Match | None) -> CaseVerdict:
    """A case compared with the results of this convention."""
    assert match is not None
    assert case.examination is not None
    evidence = case.examination.evidence
    expected = match.candidate.predict(evidence.case)
    tensors = [
        judge(name, "by hand, slope 1 at 0", expected[name], value, relative=evidence.rounding)
        for name, value in evidence.found.items()
        if name in expected
    ]
    return CaseVerdict(case.name, tuple(tensors), None, case.not_judged)


def case_of(answer: Answer, form: Form, eps: float) -> Case:
    """The case in our conventions."""
    case = replace(answer.spec, eps=eps).case()
    dtype = dtype_of(answer)
    if dtype in ROUNDINGS:
        case = rounded(case, dtype)
    kink = ", at the kink" if answer.spec.at_kink else ""
    name = f"{case.name}{kink}"
    # the name keeps the lambda that the code was handed
    return replace(case, penalty=case.penalty / (2 if form == "half" else 1), name=name)


def dtype_of(answer: Answer) -> str:
    """The precision in which a case was passed, and by which it is judged."""
    return answer.dtype


def evidence_of(answer: Answer, form: Form, eps: float) -> Evidence:
    """The values that can be judged, in float64."""
    case = case_of(answer, form, eps)
    found = together(answer.gradients, answer.forward)
    finite = {
        name: np.asarray(value, np.float64)
        for name, value in found.items()
        if np.isfinite(value).all() and name not in answer.misleading
    }
    shaped = {name: np.squeeze(value) for name, value in answer.wrong_shapes.items()}
    finite |= {n: np.asarray(v, np.float64) for n, v in shaped.items() if np.isfinite(v).all()}
    dtype = dtype_of(answer)
    rounding = ROUNDING if dtype == "float64" else 2000 * ROUNDINGS[dtype]
    given: Form = "given" if form == "full" and "cost" in answer.forward else form
    return Evidence(case, finite, rounding, form=given)
