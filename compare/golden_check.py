"""`check --golden`: a file's values against what each implementation computes."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from common.contract import Implementation
from compare.agreement import CaseVerdict, TensorVerdict, judge
from compare.golden import GoldenCase, file_key, read_golden, to_case
from compare.gradient_check import CANCELLATION, array, first_fault
from compare.structure import below_batch_norm, structural_zeros
from compare.trajectories import is_trajectory, judge_trajectory

RELATIVE, ENTRYWISE, ABSOLUTE = 1e-12, 1e-10, 1e-12
"""Of the tensor and of the entry; absolute where the gradient is zero in theory. The files' own
notes call 1e-12 absolute with 1e-10 relative sound."""


def judge_golden(golden: GoldenCase, witnesses: dict[str, Implementation]) -> CaseVerdict:
    """Judges what the file holds against what each implementation computes.

    Arguments:
        golden: a case with inputs and any of P, J, loss, mu_l, v_l and grad_*.
        witnesses: the implementations by name.

    Returns:
        `expected` is the implementation's value, `actual` the file's.
    """
    case = to_case(golden)
    forward: list[TensorVerdict] = []
    backward: list[TensorVerdict] = []
    missing: list[str] = []
    for witness, implementation in witnesses.items():
        arguments = (case.network, case.parameters, case.X, case.y)
        trace = implementation.forward(*arguments, penalty=case.penalty)
        gradients = implementation.gradients(*arguments, penalty=case.penalty)
        expected = {file_key(name): array(trace[name]) for name in case.network.statistic_shapes}
        expected |= {"P": array(trace["p"]).T}
        expected |= {"loss": array(trace["loss"]), "J": array(trace["cost"])}
        zeros = structural_zeros(case.network, len(case.y))
        for key, value in expected.items():
            if key in golden:
                forward.append(judge_value(golden, key, witness, value))
        for name in reversed(case.network.parameter_shapes):
            key = f"grad_{file_key(name)}"
            if key in golden:
                value = array(gradients[name])
                floor = CANCELLATION if below_batch_norm(case.network, name) else 0.0
                backward.append(judge_value(golden, key, witness, value, zeros.get(name), floor))
        gradient_keys = [f"grad_{file_key(name)}" for name in case.network.parameter_shapes]
        missing = [key for key in (*expected, *gradient_keys) if key not in golden]
    if not forward and not backward:
        raise golden.error("grad_W_1", "is missing, and so is everything else that can be judged")
    return CaseVerdict(
        name=golden.name,
        tensors=(*forward, *backward),
        first_fault=first_fault(forward, backward),
        not_judged=tuple(missing),
    )


def judge_value(
    golden: GoldenCase,
    key: str,
    witness: str,
    expected: np.ndarray,
    zero: str | None = None,
    floor: float = 0.0,
) -> TensorVerdict:
    """One value of the file.

    Arguments:
        zero: why it is zero in theory, if it is.
        floor: absolute, allowed beside the rest.
    """
    actual = golden.read(key, expected.shape)
    if zero:
        return judge(key, witness, expected, actual, absolute=ABSOLUTE, note=zero)
    return judge(
        key, witness, expected, actual, relative=RELATIVE, entrywise=ENTRYWISE, absolute=floor
    )


def judge_file(path: Path, witnesses: dict[str, Implementation]) -> Iterator[CaseVerdict]:
    """Every case and every trajectory of a file."""
    for golden in read_golden(path):
        judge_one = judge_trajectory if is_trajectory(golden) else judge_golden
        yield judge_one(golden, witnesses)
