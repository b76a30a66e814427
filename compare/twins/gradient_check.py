"""Compare the gradients by hand with autograd, complex step and central differences (`check`)."""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compare.cases import Case
from compare.diagnosis.evidence import ROUNDING, Evidence
from compare.diagnosis.examination import Examination, examine
from compare.numerics.agreement import CaseVerdict, TensorVerdict, judge
from compare.numerics.derivatives import Derivatives, derivatives, probes
from compare.numerics.structure import VALUE, below_normalization, structural_zeros, together, unit
from compare.numerics.witnesses import camps_along
from twingrad.contract import Implementation
from twingrad.streams import stream

CANCELLATION = 1e-13
"""Absolute tolerance for gradients through a batch norm: terms of size 1 cancel there, and a small
result has the rounding of these terms."""

CENTRAL = 1e-6
"""Absolute tolerance for central differences, as in the published report."""


def check_case(
    case: Case,
    manual: Implementation,
    autograd: Implementation,
    *,
    seed: int = 0,
    every_below: int = 400,
    entries: int = 20,
) -> CaseVerdict:
    """Judge every gradient of one case.

    Arguments:
        case: float64.
        manual: under test; its forward pass must run in complex128.
        autograd: the witness for intermediates.
        seed: of the sampled entries and directions.
        every_below, entries: see `compare.numerics.derivatives.probes`.

    Returns:
        Verdicts on the forward intermediates, then on the gradients in backward order, then on
        the gradients of the parameters compared with numerical derivatives.
    """
    traces = [case.forward(side) for side in (manual, autograd)]
    gradients, witness = (case.gradients(side) for side in (manual, autograd))
    scales = scales_of(case, traces[0], gradients)
    forward = [
        judge(f"{VALUE}{name}", "autograd", array(traces[1][name]), array(value), relative=ROUNDING)
        for name, value in traces[0].items()
    ]
    backward = [
        judge_gradient(name, "autograd", array(witness[name]), array(gradients[name]), scales[name])
        for name in gradients
    ]
    numerical = derivatives(
        manual,
        case,
        along=probes(
            case.parameters, stream(seed, "probes"), every_below=every_below, entries=entries
        ),
    )
    along = [
        verdict
        for name, values in numerical.items()
        for verdict in judge_derivatives(name, values, array(gradients[name]), scales[name])
    ]
    tensors = (*forward, *backward, *along)
    examination = None
    if any(tensor.verdict == "disagree" for tensor in tensors):
        examination = look_into(
            case,
            {
                "by hand": (manual, traces[0], gradients),
                "autograd": (autograd, traces[1], witness),
            },
            numerical,
        )
    fault = examination.first_fault if examination is not None else None
    return CaseVerdict(
        name=case.name,
        tensors=tensors,
        first_fault=fault or first_fault(forward, [*backward, *along]),
        examination=examination,
    )


def look_into(
    case: Case,
    sides: Mapping[str, tuple[Implementation, Mapping[str, Any], Mapping[str, Any]]],
    numerical: Mapping[str, Derivatives],
) -> Examination:
    """Find the wrong operation in the implementation that disagrees with the derivation.

    Arguments:
        sides: the implementation, its trace and its gradients, by name.
        numerical: derivatives of every parameter, to group the witnesses into camps.
    """
    gradients = {
        side: {name: array(value) for name, value in by_name.items()}
        for side, (_, _, by_name) in sides.items()
    }
    camps = tuple(camps_along(name, values, gradients) for name, values in numerical.items())
    examinations = []
    for side, (implementation, trace, _) in sides.items():
        values = {name: array(value) for name, value in trace.items()}
        evidence = Evidence(case, together(gradients[side], values))
        if evidence.wrong:
            evidence = replace(evidence, alone=forced(implementation, evidence))
            return examine(side, evidence, camps)
        examinations.append(examine(side, evidence, camps))
    return examinations[0]


def forced(implementation: Implementation, evidence: Evidence) -> dict[str, np.ndarray]:
    """The gradients that each layer computes from the correct gradient of its output; empty if the
    implementation does not support `upstream`."""
    if "upstream" not in inspect.signature(implementation.gradients).parameters:
        return {}
    case = evidence.case
    right = {name: value for name, value in evidence.right.items() if " " not in name}
    alone = case.gradients(implementation, upstream=right)
    return {name: array(value) for name, value in alone.items()}


@dataclass(frozen=True)
class Scale:
    """The scale on which a gradient is judged, if not relative to its own size.

    Arguments:
        zero: why it is zero in theory; "" if it is not.
        unit: the size of its rounding, see `compare.numerics.structure.unit`.
        cancels: whether it passes through a batch norm or layer norm.
    """

    zero: str
    unit: float
    cancels: bool


def scales_of(case: Case, trace: Mapping[str, Any], names: Iterable[str]) -> dict[str, Scale]:
    """The scale of each of these gradients, given the trace of the forward pass."""
    zeros = structural_zeros(case.network, len(case.y))
    return {
        name: Scale(
            zero=zeros.get(name, ""),
            unit=unit(case.network, name, trace),
            cancels=below_normalization(case.network, name),
        )
        for name in names
    }


def judge_gradient(
    name: str, witness: str, expected: np.ndarray, actual: np.ndarray, scale: Scale
) -> TensorVerdict:
    """Judge relative to the tensor, or absolutely if it is zero in theory or its terms cancel."""
    if scale.zero:
        allowed = ROUNDING * scale.unit
        return judge(name, witness, expected, actual, absolute=allowed, note=scale.zero)
    verdict = judge(name, witness, expected, actual, relative=ROUNDING)
    floor = CANCELLATION * scale.unit
    if verdict.verdict == "disagree" and scale.cancels and verdict.max_abs <= floor:
        note = "only rounding: its terms cancel in the normalisation above"
        return judge(name, witness, expected, actual, absolute=floor, note=note)
    return verdict


def judge_derivatives(
    name: str, values: Derivatives, gradient: np.ndarray, scale: Scale
) -> Iterator[TensorVerdict]:
    """Judge one parameter's gradient along its probes against both numerical derivatives.

    The worst index is that of an entry; for a random direction, of its largest component.
    """
    along = np.array([float(np.vdot(probe.direction, gradient)) for probe in values.probes])
    size = np.array([float(np.linalg.norm(probe.direction)) for probe in values.probes])
    complex_step, central = np.array(values.complex_step), np.array(values.central)
    exact = judge_gradient(name, "complex step", complex_step / size, along / size, scale)
    yield located(exact, values)
    smooth = np.isfinite(central)
    if smooth.any():
        verdict = judge(
            name,
            "central differences",
            (central / size)[smooth],
            (along / size)[smooth],
            absolute=CENTRAL,
        )
        kept = Derivatives([probe for probe, ok in zip(values.probes, smooth, strict=True) if ok])
        yield located(verdict, kept, left_out=int((~smooth).sum()))


def located(verdict: TensorVerdict, values: Derivatives, left_out: int = 0) -> TensorVerdict:
    """The verdict with the index of the parameter's entry instead of the number of the probe."""
    probe = values.probes[verdict.worst_index[0]]
    note = verdict.note
    index = probe.index
    if index is None:
        flat = int(np.abs(probe.direction).argmax())
        index = tuple(int(i) for i in np.unravel_index(flat, probe.direction.shape))
        note = "; ".join(filter(None, [note, "worst along a random direction"]))
    return TensorVerdict(
        **{**vars(verdict), "worst_index": index, "note": note, "left_out": left_out}
    )


def first_fault(
    forward: list[TensorVerdict], backward: list[TensorVerdict]
) -> dict[str, str] | None:
    """The first disagreement in order of execution."""
    for stage, verdicts in (("forward", forward), ("backward", backward)):
        for verdict in verdicts:
            if verdict.verdict == "disagree":
                return {"tensor": verdict.name.removeprefix(VALUE), "pass": stage}
    return None


def array(value: object) -> np.ndarray:
    """An implementation's array or tensor as a NumPy array on the CPU."""
    detach = getattr(value, "detach", None)
    return np.asarray(value if detach is None else detach().cpu().numpy())
