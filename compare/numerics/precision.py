"""Judge results in float32 and lower precision, with float64 as the reference.

In low precision no fixed tolerance is right, because the error depends on the network. The rule: an
implementation passes if its error, compared with float64, is at most MARGIN times the error of the
other implementations in the same dtype, on the same rounded inputs. Their error may be small by
chance, so it is the maximum over several orders of the samples, and over float64 computations in
which the result of every step is perturbed by one rounding of the dtype. It is at least one
rounding of the tensor, or, below a batch norm, where terms cancel, one rounding of these terms.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from compare.cases import Case, random_case
from compare.derivation import STAGES, Step, backward_pass, forward_pass, steps_of
from compare.derivation.place import Compute
from compare.diagnosis.catalogue.fault import right_values
from compare.numerics.agreement import CaseVerdict, TensorVerdict, judge
from compare.numerics.derivatives import kinked
from compare.numerics.structure import (
    VALUE,
    below_normalization,
    is_value,
    structural_zeros,
    together,
    unit,
    values_of,
)
from twingrad.contract import Implementation
from twingrad.network import Network

MARGIN = 16
"""Allowed factor between the errors of two correct implementations, which may round differently;
generous, but far below the error of any fault."""

ORDERS = 6
"""Number of orders of the samples, and of random perturbations, over which errors are maximised."""

MAX_TRIES = 200
"""Maximum number of seeds that `smooth_case` tries."""

ROUNDINGS = {"float16": 2.0**-11, "float32": 2.0**-24, "bfloat16": 2.0**-8}
"""Unit roundoff: half the distance from 1 to the next number."""


def rounded(case: Case, dtype: str) -> Case:
    """The case with its inputs rounded to the dtype, still stored as float64."""

    def through(value: np.ndarray) -> np.ndarray:
        return as_float64(cast({"": value}, dtype)[""])

    parameters = {name: through(value) for name, value in case.parameters.items()}
    return replace(case, parameters=parameters, X=through(case.X))


def smooth_case(network: Network, samples: int, *, penalty: float, seed: int, dtype: str) -> Case:
    """A random case whose ReLU inputs are not close to 0, so that rounding cannot flip a mask.

    Several seeds are tried; if none is good enough, the best is used.

    Arguments:
        network, samples, penalty, seed: as in `random_case`.
        dtype: determines the required distance.
    """
    required = 64 * ROUNDINGS[dtype]
    best, best_distance = None, -1.0
    for attempt in range(MAX_TRIES):
        case = random_case(network, samples, penalty=penalty, seed=seed + 1000 * attempt)
        case = rounded(case, dtype)
        distance = distance_to_kink(case)
        if distance > best_distance:
            best, best_distance = case, distance
        if best_distance > required:
            break
    assert best is not None
    return best


def distance_to_kink(case: Case) -> float:
    """The smallest magnitude among the inputs of a ReLU or leaky ReLU, relative to the largest.

    It is the minimum over layers, and 1 if no activation has a kink.
    """
    trace = forward_pass(case)
    inputs = [np.abs(trace[layer.input]) for layer in kinked(case.network)]
    return min((float(x.min() / x.max()) for x in inputs), default=1.0)


def values_in(implementation: Implementation, case: Case, dtype: str) -> dict[str, np.ndarray]:
    """Gradients, and forward values as "forward ...", computed in the dtype."""
    parameters, X = cast(case.parameters, dtype), cast({"X": case.X}, dtype)["X"]
    low = replace(case, parameters=parameters, X=X)
    trace, gradients = low.forward(implementation), low.gradients(implementation)
    return {name: as_float64(value) for name, value in together(gradients, trace).items()}


def cast(values: Mapping[str, np.ndarray], dtype: str) -> dict[str, Any]:
    """The values as arrays of the dtype, or as tensors for bfloat16, which NumPy lacks."""
    if dtype == "bfloat16":
        import torch

        return {name: torch.from_numpy(v).to(torch.bfloat16) for name, v in values.items()}
    return {name: value.astype(dtype) for name, value in values.items()}


def as_float64(value: Any) -> np.ndarray:
    """An array or tensor of any precision as a float64 array."""
    detach = getattr(value, "detach", None)
    return np.asarray(value if detach is None else detach().double().cpu().numpy(), np.float64)


def witnessed_errors(
    case: Case, dtype: str, witnesses: Sequence[Implementation]
) -> dict[str, float]:
    """For each tensor, the maximum absolute error of the witnesses over orders of the samples."""
    errors = rounding_errors(case, dtype)
    for order in range(ORDERS):
        rows = np.random.default_rng(order).permutation(len(case.y))
        masks = {name: mask[rows] for name, mask in case.masks.items()}
        shuffled = replace(case, X=case.X[rows], y=case.y[rows], masks=masks)
        exact = right_values(shuffled)
        for witness in witnesses:
            for name, value in values_in(witness, shuffled, dtype).items():
                error = float(np.abs(value - exact[name]).max())
                floor = ROUNDINGS[dtype] * scale(shuffled, name, exact)
                errors[name] = max(errors[name], error, floor)
    return errors


def rounding_errors(case: Case, dtype: str) -> dict[str, float]:
    """For each tensor, its maximum change if the result of every step moves by one rounding.

    Random perturbations after each step show how much precision the formulas themselves lose
    (stochastic arithmetic, Vignes 1993); a single implementation does not.
    """
    exact = right_values(case)
    errors = dict.fromkeys(exact, 0.0)
    for repeat in range(ORDERS):
        rng = np.random.default_rng(repeat)

        def perturbed_step(step: Step, rng: np.random.Generator = rng) -> Compute:
            return lambda at: perturbed(step.compute(at), dtype, rng)

        forward, backward = (
            {
                place: perturbed_step(placed.step)
                for place, placed in steps_of(case.network, stage).items()
            }
            for stage in STAGES
        )
        trace = forward_pass(case, forward)
        values = together(backward_pass(case, trace, backward), trace)
        for name, value in values.items():
            errors[name] = max(errors[name], float(np.abs(value - exact[name]).max()))
    return errors


def perturbed(value: np.ndarray, dtype: str, rng: np.random.Generator) -> np.ndarray:
    """The value with every entry moved up or down by one rounding."""
    return value * (1 + ROUNDINGS[dtype] * rng.choice([-1, 1], np.shape(value)))


def scale(case: Case, name: str, exact: Mapping[str, np.ndarray]) -> float:
    """The magnitude whose rounding is the minimum error of a tensor."""
    magnitude = float(np.abs(exact[name]).max())
    if is_value(name) or not below_normalization(case.network, name):
        return magnitude
    return max(magnitude, unit(case.network, name, values_of(exact)))


def judge_low_precision(
    case: Case,
    dtype: str,
    values: Mapping[str, np.ndarray],
    witnesses: Mapping[str, Implementation],
) -> Iterator[TensorVerdict]:
    """Judge values computed in low precision by the rule at the top of this module.

    Arguments:
        case: with inputs already rounded to the dtype.
        dtype: "float32", "float16" or "bfloat16".
        values: gradients by name, forward values as "forward ...".
        witnesses: the other implementations by name; for bfloat16 only torch can be one.
    """
    errors = witnessed_errors(case, dtype, list(witnesses.values()))
    exact = right_values(case)
    zeros = structural_zeros(case.network, len(case.y))
    for name in values:
        whose = " and ".join(witnesses) or "one rounding a step"
        note = f"error of {whose} in {dtype}: {errors[name]:.1e}"
        yield judge(
            name,
            "float64",
            exact[name],
            np.asarray(values[name], np.float64),
            absolute=MARGIN * errors[name],
            note="; ".join(filter(None, [zeros.get(name, ""), note])),
        )


def check_low_precision(
    case: Case, dtype: str, manual: Implementation, autograd: Implementation
) -> list[CaseVerdict]:
    """Judge both implementations in low precision, each by the error of the other.

    In bfloat16 only autograd is judged, by the effect of one rounding after each step.
    """
    sides = {"by hand": manual, "autograd": autograd}
    if dtype == "bfloat16":  # NumPy lacks it
        del sides["by hand"]
    verdicts = []
    for side, tested in sides.items():
        others = {name: other for name, other in sides.items() if name != side}
        values = values_in(tested, case, dtype)
        tensors = tuple(judge_low_precision(case, dtype, values, others))
        faulty = [tensor.name for tensor in tensors if tensor.verdict == "disagree"]
        fault = None
        if faulty:
            stage = "forward" if is_value(faulty[0]) else "backward"
            fault = {"tensor": faulty[0].removeprefix(VALUE), "pass": stage}
        verdicts.append(CaseVerdict(f"{case.name} {dtype}, {side}", tensors, fault))
    return verdicts
