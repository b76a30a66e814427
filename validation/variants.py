"""Right implementations with other formulas."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import manual_impl
import torch_impl
from compare.cases import Case
from compare.derivation import backward_pass, forward_pass, steps_of
from compare.derivation.place import Compute
from compare.derivation.steps import Stage
from compare.diagnosis.catalogue import Prediction, right_values
from twingrad.network import Network
from validation import formulas_back
from validation.formulas import FORMULAS, OtherFormula
from validation.networks import is_further
from validation.torch_library import library_values

assert formulas_back  # enters its formulas beside the others

COMBINED = 30
"""Number of random combinations of formulas for each network."""


@dataclass(frozen=True)
class Variant:
    """A right implementation on one network.

    Arguments:
        name: what is different about it.
        case: the network.
        compute: returns its gradients and values for a case.
    """

    name: str
    case: Case
    compute: Callable[[Case], Prediction]

    @property
    def values(self) -> Prediction:
        """Its gradients and values for its case."""
        return self.compute(self.case)


def with_formulas(chosen: Sequence[OtherFormula]) -> Callable[[Case], Prediction]:
    """An implementation that uses these formulas at every layer."""

    def compute(case: Case) -> Prediction:
        layers = range(1, case.network.depth + 1)

        def changes(stage: str) -> dict[tuple[str, int], Compute]:
            return {
                (formula.operation, l): formula.compute
                for formula in chosen
                if formula.stage == stage
                for l in layers
            }

        trace = forward_pass(case, changes("forward"))
        gradients = backward_pass(case, trace, changes("backward"))
        return gradients | as_forward(trace)

    return compute


def as_forward(trace: Mapping[str, np.ndarray]) -> Prediction:
    """The values of the forward pass, named as in `Evidence.found`."""
    return {f"forward {name}": np.asarray(value) for name, value in trace.items()}


def by_hand(case: Case) -> Prediction:
    implementation: Any = manual_impl
    trace = case.forward(implementation)
    return {**case.gradients(implementation), **as_forward(trace)}


def by_autograd(case: Case) -> Prediction:
    implementation: Any = torch_impl
    trace, gradients = case.forward(implementation), case.gradients(implementation)
    values = {**gradients, **{f"forward {name}": value for name, value in trace.items()}}
    return {name: value.detach().numpy() for name, value in values.items()}


def in_extended_precision(case: Case) -> Prediction:
    """Compute in extended precision, and return float64."""
    parameters = {name: value.astype(np.longdouble) for name, value in case.parameters.items()}
    wide = replace(case, parameters=parameters, X=case.X.astype(np.longdouble))
    return {name: value.astype(np.float64) for name, value in right_values(wide).items()}


def with_samples_permuted(case: Case) -> Prediction:
    """Compute with the samples in another order, and undo the permutation."""
    order = np.random.default_rng(7).permutation(len(case.y))
    masks = {name: mask[order] for name, mask in case.masks.items()}
    values = right_values(replace(case, X=case.X[order], y=case.y[order], masks=masks))
    back = np.argsort(order)
    per_sample = {"s", "x", "s_hat", "s_tilde", "x_hat", "x_tilde", "x_drop", "p"}
    if case.network.normalization == "layer":
        per_sample |= {"mu", "v"}
    return {
        name: value[back] if kind_of(name) in per_sample else value
        for name, value in values.items()
    }


def with_units_permuted(case: Case) -> Prediction:
    """Compute with the units of layer 1 in reverse order, and undo the permutation."""
    flipped = dict(case.parameters)
    for name in ("W1", "b1", "gamma1", "beta1"):
        if name in flipped:
            flipped[name] = flipped[name][::-1]
    flipped["W2"] = flipped["W2"][:, ::-1]
    values = right_values(replace(case, parameters=flipped))
    back: Prediction = {}
    for name, value in values.items():
        plain = name.removeprefix("forward ")
        if plain in ("W1", "b1", "gamma1", "beta1", "mu1", "v1"):
            back[name] = value[::-1]
        elif plain == "W2" or (plain[-1] == "1" and plain[:-1] in ("s", "s_hat", "s_tilde", "x")):
            back[name] = value[:, ::-1]
        else:
            back[name] = value
    return back


def kind_of(name: str) -> str:
    """The letter of a tensor: "s_hat" of "forward s_hat2"."""
    return name.removeprefix("forward ").rstrip("0123456789")


WHOLE: tuple[tuple[str, Callable[[Case], Prediction]], ...] = (
    ("by hand", by_hand),
    ("by autograd", by_autograd),
    ("of torch's own layers", library_values),
    ("in extended precision", in_extended_precision),
    ("with the samples permuted", with_samples_permuted),
    ("with the units permuted", with_units_permuted),
)


def takes(compute: Callable[[Case], Prediction], network: Network) -> bool:
    """Whether an implementation supports the network's kinds of layer."""
    if compute is in_extended_precision and network.activation == "gelu":
        return False  # SciPy has no normal distribution in it
    return compute in OF_EVERY_KIND or not is_further(network)


OF_EVERY_KIND = (by_hand, by_autograd, in_extended_precision, with_samples_permuted)
"""Implementations that support every kind of layer."""


def applicable(network: Network) -> list[OtherFormula]:
    """The other formulas for a network's steps; none if it has further kinds of layer."""
    if is_further(network):
        return []
    only_batch_norm = {"mu", "v", "s_hat", "s_tilde", "gamma", "beta"}
    return [
        formula
        for formula in FORMULAS
        if network.batch_norm
        or (formula.operation not in only_batch_norm and not is_batch_norm(formula))
    ]


def is_batch_norm(formula: OtherFormula) -> bool:
    """Whether it is the gradient by batch norm's input."""
    return formula.stage == "backward" and formula.operation == "s"


def variants(case: Case, seed: int) -> Iterator[Variant]:
    """Each other formula alone, random combinations of them, and other implementations."""
    usable = applicable(case.network)
    for formula in usable:
        yield Variant(formula.name, case, with_formulas([formula]))
    for number, chosen in enumerate(combinations(usable, COMBINED if usable else 0, seed)):
        yield Variant(f"combination {number}", case, with_formulas(chosen))
    for name, compute in WHOLE:
        if takes(compute, case.network):
            yield Variant(name, case, compute)


def combinations(
    usable: Sequence[OtherFormula], count: int, seed: int
) -> Iterator[list[OtherFormula]]:
    """Random choices of one formula, or the usual one, for every step."""
    steps = sorted({(formula.stage, formula.operation) for formula in usable})
    rng = np.random.default_rng((seed, 17))
    for _ in range(count):
        chosen = []
        for stage, operation in steps:
            others = [f for f in usable if (f.stage, f.operation) == (stage, operation)]
            index = int(rng.integers(len(others) + 1))
            chosen += others[index : index + 1]
        yield chosen


def in_float32(chosen: Sequence[OtherFormula]) -> Callable[[Case], Prediction]:
    """An implementation with these formulas whose steps take and return float32."""

    def compute(case: Case) -> Prediction:
        parameters = {name: value.astype(np.float32) for name, value in case.parameters.items()}
        small = replace(case, parameters=parameters, X=case.X.astype(np.float32))
        other = {(formula.stage, formula.operation): formula.compute for formula in chosen}

        def changes(stage: Stage) -> dict[tuple[str, int], Compute]:
            return {
                place: rounded(other.get((stage, place[0]), placed.step.compute))
                for place, placed in steps_of(case.network, stage).items()
            }

        trace = forward_pass(small, changes("forward"))
        return backward_pass(small, trace, changes("backward")) | as_forward(trace)

    return compute


def rounded(compute: Compute) -> Compute:
    """The step with its result rounded to float32."""
    return lambda at: np.asarray(compute(at), np.float32)
