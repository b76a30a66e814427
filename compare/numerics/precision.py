"""float32 and lower: float64 arbitrates.

In low precision no fixed tolerance is right: an error is the rounding of one dtype carried
through one network. The rule: an implementation passes where its error against float64 is at
most MARGIN times the error that the other implementations make, in the same dtype, on the same
rounded inputs. Their error may be small by luck, so the largest of several is taken: over orders
of the samples, and over what float64 gives when the result of every step moves by one rounding
of the dtype. It is at least one rounding of the tensor; below a batch norm, where terms cancel,
one rounding of these terms.
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
"""Two right formulas may round differently: a power of two with room, far below any fault."""

ORDERS = 6
"""Orders of the samples in which the others' error is taken."""

ROUNDINGS = {"float16": 2.0**-11, "float32": 2.0**-24, "bfloat16": 2.0**-8}
"""Half the distance from 1 to the next number."""


def rounded(case: Case, dtype: str) -> Case:
    """The case with its inputs rounded to the dtype: what float64 is asked about."""

    def through(value: np.ndarray) -> np.ndarray:
        return as_float64(cast({"": value}, dtype)[""])

    parameters = {name: through(value) for name, value in case.parameters.items()}
    return replace(case, parameters=parameters, X=through(case.X))


def smooth_case(
    network: Network, samples: int, *, penalty: float, seed: int, dtype: str, tries: int = 200
) -> Case:
    """A random case whose ReLU inputs stay clear of 0, so that rounding cannot flip a mask.

    Arguments:
        network, samples, penalty, seed: as `random_case` takes them.
        dtype: its rounding decides how clear.
        tries: seeds to try; the best is taken if none is clear.
    """
    wanted = 64 * ROUNDINGS[dtype]
    best, distance = None, -1.0
    for attempt in range(tries):
        case = random_case(network, samples, penalty=penalty, seed=seed + 1000 * attempt)
        case = rounded(case, dtype)
        found = distance_to_kink(case)
        if found > distance:
            best, distance = case, found
        if distance > wanted:
            break
    assert best is not None
    return best


def distance_to_kink(case: Case) -> float:
    """The smallest magnitude of an input of an activation with a kink, relative to the largest.

    1 without such an activation.
    """
    trace = forward_pass(case)
    inputs = [np.abs(trace[layer.input]) for layer in kinked(case.network)]
    return min((float(x.min() / x.max()) for x in inputs), default=1.0)


def values_in(implementation: Implementation, case: Case, dtype: str) -> dict[str, np.ndarray]:
    """Gradients, and values as "forward ...", computed in the dtype."""
    parameters, X = cast(case.parameters, dtype), cast({"X": case.X}, dtype)["X"]
    low = replace(case, parameters=parameters, X=X)
    trace, gradients = low.forward(implementation), low.gradients(implementation)
    return {name: as_float64(value) for name, value in together(gradients, trace).items()}


def cast(values: Mapping[str, np.ndarray], dtype: str) -> dict[str, Any]:
    """Arrays of the dtype; tensors for bfloat16, which NumPy lacks."""
    if dtype == "bfloat16":
        import torch

        return {name: torch.from_numpy(v).to(torch.bfloat16) for name, v in values.items()}
    return {name: value.astype(dtype) for name, value in values.items()}


def as_float64(value: Any) -> np.ndarray:
    """An array or tensor of any precision, on the CPU."""
    detach = getattr(value, "detach", None)
    return np.asarray(value if detach is None else detach().double().cpu().numpy(), np.float64)


def witnessed_errors(
    case: Case, dtype: str, witnesses: Sequence[Implementation], *, orders: int = ORDERS
) -> dict[str, float]:
    """By tensor, the largest error of any witness in any order of the samples, absolute."""
    errors = moved_by_rounding(case, dtype, orders)
    for order in range(orders):
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


def moved_by_rounding(case: Case, dtype: str, repeats: int) -> dict[str, float]:
    """By tensor, how far it moves when the result of every step moves by one rounding.

    Random roundings after each step show what the formulas themselves lose (stochastic
    arithmetic, Vignes 1993), which no single implementation does.
    """
    exact = right_values(case)
    errors = dict.fromkeys(exact, 0.0)
    for repeat in range(repeats):
        rng = np.random.default_rng(repeat)

        def moved(step: Step, rng: np.random.Generator = rng) -> Compute:
            return lambda at: jittered(step.compute(at), dtype, rng)

        forward, backward = (
            {place: moved(placed.step) for place, placed in steps_of(case.network, stage).items()}
            for stage in STAGES
        )
        trace = forward_pass(case, forward)
        values = together(backward_pass(case, trace, backward), trace)
        for name, value in values.items():
            errors[name] = max(errors[name], float(np.abs(value - exact[name]).max()))
    return errors


def jittered(value: np.ndarray, dtype: str, rng: np.random.Generator) -> np.ndarray:
    """Every entry one rounding up or down."""
    return value * (1 + ROUNDINGS[dtype] * rng.choice([-1, 1], np.shape(value)))


def scale(case: Case, name: str, exact: Mapping[str, np.ndarray]) -> float:
    """The size whose rounding a tensor carries at least."""
    magnitude = float(np.abs(exact[name]).max())
    if is_value(name) or not below_normalization(case.network, name):
        return magnitude
    return max(magnitude, unit(case.network, name, values_of(exact)))


def judge_low_precision(
    case: Case,
    dtype: str,
    found: Mapping[str, np.ndarray],
    witnesses: Mapping[str, Implementation],
) -> Iterator[TensorVerdict]:
    """Judges values computed in a low precision by the rule at the top of this module.

    Arguments:
        case: its inputs are rounded to the dtype already.
        dtype: "float32", "float16" or "bfloat16".
        found: gradients by name, values as "forward ...".
        witnesses: the other implementations by name; bfloat16 needs one of torch.
    """
    errors = witnessed_errors(case, dtype, list(witnesses.values()))
    exact = right_values(case)
    zeros = structural_zeros(case.network, len(case.y))
    for name in found:
        whose = " and ".join(witnesses) or "one rounding a step"
        note = f"error of {whose} in {dtype}: {errors[name]:.1e}"
        yield judge(
            name,
            "float64",
            exact[name],
            np.asarray(found[name], np.float64),
            absolute=MARGIN * errors[name],
            note="; ".join(filter(None, [zeros.get(name, ""), note])),
        )


def check_low_precision(
    case: Case, dtype: str, manual: Implementation, autograd: Implementation
) -> list[CaseVerdict]:
    """Both implementations in a low precision, each against float64 beside the other.

    In bfloat16 autograd alone, beside what one rounding after each step loses.
    """
    sides = {"by hand": manual, "autograd": autograd}
    if dtype == "bfloat16":  # which NumPy lacks
        del sides["by hand"]
    verdicts = []
    for side, tested in sides.items():
        others = {name: other for name, other in sides.items() if name != side}
        found = values_in(tested, case, dtype)
        tensors = tuple(judge_low_precision(case, dtype, found, others))
        faulty = [tensor.name for tensor in tensors if tensor.verdict == "disagree"]
        fault = None
        if faulty:
            stage = "forward" if is_value(faulty[0]) else "backward"
            fault = {"tensor": faulty[0].removeprefix(VALUE), "pass": stage}
        verdicts.append(CaseVerdict(f"{case.name} {dtype}, {side}", tensors, fault))
    return verdicts
