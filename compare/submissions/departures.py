"""Conventions shared by the cost and the gradients of the user's code, which are accepted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from compare.derivation.wording import Form
from compare.diagnosis.catalogue.fault import Prediction
from compare.diagnosis.evidence import UNIT_ROUNDING, Evidence
from compare.numerics.agreement import CaseVerdict, judge
from compare.numerics.structure import VALUE, is_value
from compare.submissions.conventions import evidence_of
from compare.submissions.submission import Answer, Submission

LOSS, COST = f"{VALUE}loss", f"{VALUE}cost"


@dataclass(frozen=True)
class Departure:
    """Another cost than the specification's, with matching gradients.

    Arguments:
        subject, said: for what was assumed.
        predict: what it gives instead.
    """

    subject: str
    said: str
    predict: Callable[[Evidence], Prediction]


def summed(evidence: Evidence) -> Prediction:
    """The cross-entropy as a sum over the minibatch, with the usual penalty."""
    case, right = evidence.case, evidence.right
    n = len(case.y)

    def value(name: str) -> np.ndarray:
        if is_value(name):
            rest = right[COST] - right[LOSS]
            other = {LOSS: n * right[LOSS], COST: n * right[LOSS] + rest}
            return np.asarray(other.get(name, right[name]))
        penalised = name in case.parameters and name.startswith("W")
        penalty = 2 * case.penalty * case.parameters[name] if penalised else 0.0
        return np.asarray(n * (right[name] - penalty) + penalty)

    return {name: value(name) for name in right}


def biases_too(evidence: Evidence) -> Prediction:
    """A penalty on every b as well as every W."""
    case, right = evidence.case, evidence.right
    biases = {n: b for n, b in case.parameters.items() if n.startswith("b") and n[1:].isdigit()}
    found = dict(right)
    found |= {name: right[name] + 2 * case.penalty * b for name, b in biases.items()}
    squares = sum(float((b**2).sum()) for b in biases.values())
    return found | {COST: right[COST] + case.penalty * squares}


DEPARTURES = (
    Departure("cross-entropy", "a sum over the minibatch, not a mean, also in the cost", summed),
    Departure("penalty of b", "biases penalised like W, in the cost too", biases_too),
)


def departure_of(submission: Submission, eps: float | None) -> tuple[Departure, Form, float] | None:
    """The convention that explains every value of every answer, where the cost is seen; with what
    lambda and eps then mean."""
    answers = submission.answers
    if not answers or not all("cost" in answer.forward for answer in answers):
        return None
    forms: Sequence[Form] = submission.penalty_forms  # type: ignore[assignment]
    all_eps = submission.eps_forms if eps is None else (eps,)
    for departure, form, one in product(DEPARTURES, forms, all_eps):
        if all(explains(departure, evidence_of(answer, form, one)) for answer in answers):
            return departure, form, one
    return None


def explains(departure: Departure, evidence: Evidence) -> bool:
    """Whether every value equals the prediction."""
    predicted = departure.predict(evidence)
    return all(evidence.error(name, predicted[name]) <= 1 for name in evidence.order)


def judge_departure(answer: Answer, departure: Departure, form: Form, eps: float) -> CaseVerdict:
    """Compare one case with the results of this convention."""
    evidence = evidence_of(answer, form, eps)
    predicted = departure.predict(evidence)
    tensors = [
        judge(
            name,
            "by hand, this convention",
            predicted[name],
            evidence.found[name],
            relative=evidence.rounding,
            absolute=UNIT_ROUNDING,
        )
        for name in evidence.order
    ]
    return CaseVerdict(evidence.case.name, tuple(tensors), None)
