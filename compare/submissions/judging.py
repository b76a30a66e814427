"""Judge one case of the user's code: compare every tensor, and find out what is wrong."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

import manual_impl
from compare.cases import Case
from compare.derivation.wording import Form
from compare.diagnosis.evidence import ROUNDING
from compare.diagnosis.examination import examine
from compare.numerics.agreement import CaseVerdict, TensorVerdict, judge
from compare.numerics.derivatives import derivatives, probes
from compare.numerics.precision import MARGIN, judge_low_precision, witnessed_errors
from compare.numerics.structure import VALUE, is_value, structural_zeros
from compare.numerics.witnesses import camps_along
from compare.submissions.conventions import dtype_of, evidence_of
from compare.submissions.submission import Answer
from compare.twins.gradient_check import (
    array,
    first_fault,
    judge_derivatives,
    judge_gradient,
    scales_of,
)

YOURS = "yours"


def judge_answer(answer: Answer, form: Form, eps: float) -> CaseVerdict:
    """Compare every tensor of a case with every reference, and diagnose what is wrong."""
    evidence = evidence_of(answer, form, eps)
    case, dtype = evidence.case, dtype_of(answer)
    found = {
        name: value
        for name, value in evidence.found.items()
        if name in evidence.right and value.shape == evidence.right[name].shape
    }
    if dtype == "float64":
        tensors, camps = judge_float64(case, found)
    else:
        import torch_impl

        witnesses = {"by hand": manual_impl, "autograd": torch_impl}
        tensors, camps = list(judge_low_precision(case, dtype, found, witnesses)), ()
        if all(tensor.verdict == "agree" for tensor in tensors):
            evidence = replace(evidence, rounding=1.0)  # the rule above has the last word
        else:
            errors = witnessed_errors(case, dtype, [manual_impl])
            zeros = structural_zeros(case.network, len(case.y))
            kept = {name: v for name, v in evidence.found.items() if name not in zeros}
            worst = max(
                errors[name] / max(float(np.abs(evidence.right[name]).max()), 1e-3)
                for name in evidence.order
                if name in kept
            )
            evidence = replace(evidence, found=kept, rounding=MARGIN * worst)
    faulty = bool(evidence.wrong) or any(tensor.verdict == "disagree" for tensor in tensors)
    examination = examine(YOURS, evidence, camps) if faulty else None
    fault = None if examination is None else examination.first_fault
    forward = [tensor for tensor in tensors if is_value(tensor.name)]
    backward = [tensor for tensor in tensors if not is_value(tensor.name)]
    given = {*answer.gradients, *answer.wrong_shapes}
    missing = [name for name in answer.spec.expected if name not in given]
    missing += [name for name in ("p", "cost") if name not in answer.forward]
    return CaseVerdict(
        name=case.name,
        tensors=tuple(tensors),
        first_fault=fault or first_fault(forward, backward),
        not_judged=tuple(missing),
        examination=examination,
    )


def judge_float64(case: Case, found: Mapping[str, np.ndarray]) -> tuple[list[TensorVerdict], tuple]:
    """Compare values and gradients with the four references, and group these into camps."""
    import torch_impl

    traces, gradients = {}, {}
    by_hand: Any = manual_impl
    autograd: Any = torch_impl
    for witness, side in (("by hand", by_hand), ("autograd", autograd)):
        trace, given = case.forward(side), case.gradients(side)
        traces[witness] = {name: array(value) for name, value in trace.items()}
        gradients[witness] = {name: array(value) for name, value in given.items()}
    scales = scales_of(case, traces["by hand"], gradients["by hand"])
    numerical = derivatives(
        by_hand,
        case,
        along=probes(case.parameters, np.random.default_rng(0), every_below=12, entries=6),
    )
    tensors: list[TensorVerdict] = []
    for name, value in found.items():
        for witness in gradients:
            if is_value(name):
                expected = traces[witness][name.removeprefix(VALUE)]
                tensors.append(judge(name, witness, expected, value, relative=ROUNDING))
            else:
                expected = gradients[witness][name]
                tensors.append(judge_gradient(name, witness, expected, value, scales[name]))
        if name in numerical:
            tensors += judge_derivatives(name, numerical[name], value, scales[name])
    heard = {YOURS: dict(found), **gradients}
    camps = tuple(camps_along(name, values, heard) for name, values in numerical.items())
    return tensors, camps
