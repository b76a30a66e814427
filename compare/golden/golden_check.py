"""Compare the values of a golden file with both implementations (`check --golden`)."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from compare.cases import Case
from compare.diagnosis.evidence import Evidence
from compare.diagnosis.examination import Examination, examine
from compare.golden.golden_file import GoldenCase, file_key, read_golden, to_case
from compare.golden.trajectories import is_trajectory, judge_trajectory
from compare.numerics.agreement import CaseVerdict, TensorVerdict, judge
from compare.numerics.structure import below_normalization, structural_zeros, together, unit
from compare.twins.gradient_check import CANCELLATION, array, first_fault
from twingrad.contract import Implementation

RELATIVE, ENTRYWISE, ABSOLUTE = 1e-12, 1e-10, 1e-12
"""Tolerances relative to the tensor and to the entry; absolute for gradients that are zero in
theory. The files' notes recommend 1e-12 absolute with 1e-10 relative."""


def judge_golden(golden: GoldenCase, witnesses: dict[str, Implementation]) -> CaseVerdict:
    """Judge the values of a case against each implementation.

    Arguments:
        golden: a case with inputs and any of P, J, loss, mu_l, v_l and grad_*.
        witnesses: the implementations by name.

    Returns:
        Verdicts in which `expected` is the implementation's value and `actual` the file's.
    """
    case = to_case(golden)
    forward: list[TensorVerdict] = []
    backward: list[TensorVerdict] = []
    missing: list[str] = []
    for witness, implementation in witnesses.items():
        trace, gradients = case.forward(implementation), case.gradients(implementation)
        expected = {file_key(name): array(trace[name]) for name in case.network.statistic_shapes}
        expected |= {"P": array(trace["p"]).T}
        expected |= {"loss": array(trace["loss"]), "J": array(trace["cost"])}
        zeros = structural_zeros(case.network, len(case.y))
        values = {name: array(value) for name, value in trace.items()}
        for key, value in expected.items():
            if key in golden:
                forward.append(judge_value(golden, key, witness, value))
        for name in reversed(case.network.parameter_shapes):
            key = f"grad_{file_key(name)}"
            if key in golden:
                value = array(gradients[name])
                rounding = unit(case.network, name, values)
                floor = CANCELLATION * rounding * below_normalization(case.network, name)
                if name in zeros:
                    floor = ABSOLUTE * rounding
                backward.append(judge_value(golden, key, witness, value, zeros.get(name), floor))
        gradient_keys = [f"grad_{file_key(name)}" for name in case.network.parameter_shapes]
        missing = [key for key in (*expected, *gradient_keys) if key not in golden]
    refuse_misnamed(golden, [*expected, *gradient_keys])
    if not forward and not backward:
        raise golden.error("grad_W_1", "is missing, and so is every other value to judge")
    fault = first_fault(forward, backward)
    return CaseVerdict(
        name=golden.name,
        tensors=(*forward, *backward),
        first_fault=fault,
        not_judged=tuple(missing),
        examination=None if fault is None else look_into(golden, case),
    )


def refuse_misnamed(golden: GoldenCase, keys: list[str]) -> None:
    """Raise UserError for a key that differs from an expected one only by underscores or case."""
    plain = {key.replace("_", "").lower(): key for key in keys}
    for key in golden.values:
        meant = plain.get(key.replace("_", "").lower(), key)
        if meant != key and meant not in golden:
            raise golden.error(key, f"is not a known key; did you mean {meant}?")


def look_into(golden: GoldenCase, case: Case) -> Examination:
    """Find the wrong operation behind the file's values, and the known mistake if it matches."""
    shapes = case.network.parameter_shapes
    gradients = {
        name: golden.read(f"grad_{file_key(name)}", shape)
        for name, shape in shapes.items()
        if f"grad_{file_key(name)}" in golden
    }
    values = {
        name: golden.read(file_key(name), shape)
        for name, shape in case.network.statistic_shapes.items()
        if file_key(name) in golden
    }
    if "P" in golden:
        values["p"] = golden.read("P", (case.network.classes, len(case.y))).T
    for name, key in (("loss", "loss"), ("cost", "J")):
        if key in golden:
            values[name] = golden.read(key)
    return examine("the file's", Evidence(case, together(gradients, values)))


def judge_value(
    golden: GoldenCase,
    key: str,
    witness: str,
    expected: np.ndarray,
    zero: str | None = None,
    floor: float = 0.0,
) -> TensorVerdict:
    """Judge one value of the file.

    Arguments:
        zero: why it is zero in theory, if it is.
        floor: additional absolute tolerance.
    """
    actual = golden.read(key, expected.shape)
    if zero:
        return judge(key, witness, expected, actual, absolute=floor, note=zero)
    return judge(
        key, witness, expected, actual, relative=RELATIVE, entrywise=ENTRYWISE, absolute=floor
    )


def judge_file(path: Path, witnesses: dict[str, Implementation]) -> Iterator[CaseVerdict]:
    """Judge every case and every trajectory of a file."""
    for golden in read_golden(path):
        judge_one = judge_trajectory if is_trajectory(golden) else judge_golden
        yield judge_one(golden, witnesses)
