"""`check`: the gradients by hand against autograd, complex step and central differences."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from common.contract import Implementation
from common.streams import stream
from compare.agreement import CaseVerdict, TensorVerdict, judge
from compare.cases import Case
from compare.numerical import Derivatives, derivatives, probes
from compare.structure import below_batch_norm, structural_zeros, unit

EXACT = 1e-11
"""For two ways of computing the same float64 gradient: rounding, with room for deep nets."""

CANCELLATION = 1e-13
"""Absolute, for gradients that pass through a batch norm: there terms near 1 cancel, and what is
left carries their rounding, however small it is itself."""

CENTRAL = 1e-6
"""For central differences, absolute: the published report's own measure."""


def check_case(
    case: Case,
    manual: Implementation,
    autograd: Implementation,
    *,
    seed: int = 0,
    every_below: int = 400,
    entries: int = 20,
) -> CaseVerdict:
    """Judges every gradient of one case.

    Arguments:
        case: float64.
        manual: under test; its forward pass must run in complex128.
        autograd: the witness that knows every intermediate.
        seed: of the sampled entries and directions.
        every_below, entries: see `compare.numerical.probes`.

    Returns:
        First the forward pass's intermediates, then the gradients in backward order, then the
        parameters against the numerical derivatives.
    """
    arguments = (case.network, case.parameters, case.X, case.y)
    traces = [side.forward(*arguments, penalty=case.penalty) for side in (manual, autograd)]
    found, witnessed = (
        side.gradients(*arguments, penalty=case.penalty) for side in (manual, autograd)
    )
    zeros = structural_zeros(case.network, len(case.y))
    scales = {
        name: Scale(
            zero=zeros.get(name, ""),
            unit=unit(case.network, name, traces[0]),
            cancels=below_batch_norm(case.network, name),
        )
        for name in found
    }

    forward = [
        judge(name, "autograd", array(traces[1][name]), array(traces[0][name]), relative=EXACT)
        for name in traces[0]
    ]
    backward = [
        judge_gradient(name, "autograd", array(witnessed[name]), array(found[name]), scales[name])
        for name in found
    ]
    numerical = derivatives(
        manual,
        *arguments,
        penalty=case.penalty,
        along=probes(
            case.parameters, stream(seed, "probes"), every_below=every_below, entries=entries
        ),
    )
    along = [
        verdict
        for name, values in numerical.items()
        for verdict in judge_derivatives(name, values, array(found[name]), scales[name])
    ]
    return CaseVerdict(
        name=case.name,
        tensors=(*(as_forward(verdict) for verdict in forward), *backward, *along),
        first_fault=first_fault(forward, [*backward, *along]),
    )


@dataclass(frozen=True)
class Scale:
    """How a gradient is judged where its own size does not tell.

    Arguments:
        zero: why it is zero in theory; "" where it is not.
        unit: the size of its rounding, see `compare.structure.unit`.
        cancels: whether it passes through a batch norm.
    """

    zero: str
    unit: float
    cancels: bool


def judge_gradient(
    name: str, witness: str, expected: np.ndarray, actual: np.ndarray, scale: Scale
) -> TensorVerdict:
    """Relative to the tensor, or absolute where it is zero in theory or all but cancels."""
    if scale.zero:
        allowed = EXACT * scale.unit
        return judge(name, witness, expected, actual, absolute=allowed, note=scale.zero)
    verdict = judge(name, witness, expected, actual, relative=EXACT)
    floor = CANCELLATION * scale.unit
    if verdict.verdict == "disagree" and scale.cancels and verdict.max_abs <= floor:
        note = "rounding alone: its terms cancel through the batch norm above"
        return judge(name, witness, expected, actual, absolute=floor, note=note)
    return verdict


def judge_derivatives(
    name: str, values: Derivatives, gradient: np.ndarray, scale: Scale
) -> Iterator[TensorVerdict]:
    """One parameter's gradient along its probes, against both numerical derivatives.

    The worst index is that of the entry; a random direction gives the index of its largest
    component.
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
    """The verdict with the index of the parameter's entry instead of the probe's number."""
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


def as_forward(verdict: TensorVerdict) -> TensorVerdict:
    """Marks a value of the forward pass, whose name a gradient of the backward pass shares."""
    return TensorVerdict(**{**vars(verdict), "name": f"forward {verdict.name}"})


def first_fault(
    forward: list[TensorVerdict], backward: list[TensorVerdict]
) -> dict[str, str] | None:
    """The first disagreement in order of execution."""
    for stage, verdicts in (("forward", forward), ("backward", backward)):
        for verdict in verdicts:
            if verdict.verdict == "disagree":
                return {"tensor": verdict.name, "pass": stage}
    return None


def array(value: object) -> np.ndarray:
    """An implementation's array or tensor as a NumPy array on the CPU."""
    detach = getattr(value, "detach", None)
    return np.asarray(value if detach is None else detach().cpu().numpy())
