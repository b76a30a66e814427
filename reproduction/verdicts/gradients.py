"""The report's gradient checks, by its measure and by ours, and what they could not detect."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from jaxtyping import Float, Int

import manual_impl
import torch_impl
from compare.cases import Case, random_case
from compare.numerics.derivatives import probes
from compare.numerics.structure import split_name
from compare.twins.gradient_check import CENTRAL, check_case
from twingrad.contract import Implementation
from twingrad.network import Gradients, Network, Parameters
from twingrad.streams import stream

INPUTS, SAMPLES = 10, 20
"""As in the assignment: fewer dimensions and samples than in training."""

HIDDEN = (9, 8, 7, 6, 6, 6, 6, 6)
"""Widths of the hidden layers; shallower networks use the first of them."""

LAYERS = (2, 3, 4, 5, 9)
PENALTIES = (0.0, 0.005)

STEP = 1e-5
"""h of the two-point differences, as in the course."""


@dataclass(frozen=True)
class GradientCheck:
    """The result for one network.

    Arguments:
        layers: k, the number of affine layers.
        batch_norm, penalty: of the network and its cost.
        as_published: whether the gradients are the published code's, in which that of W1 lacks its
            penalty.
        kinds: {"W" | "b" | "gamma" | "beta": maximum absolute difference from the two-point
            differences (J(w + h) - J(w - h)) / 2h}.
        relative: maximum difference from autograd, relative to the largest entry of the parameter's
            gradient; gradients that are zero in theory are not included.
        passed_report: whether every difference in `kinds` is below 1e-6, the report's measure.
        passed_ours: whether all gradients agree with autograd and complex step up to rounding.
        diagnosis: the mistake found by our check, "" if there is none.
    """

    layers: int
    batch_norm: bool
    penalty: float
    as_published: bool
    kinds: Mapping[str, float]
    relative: float
    passed_report: bool
    passed_ours: bool
    diagnosis: str

    def as_json(self) -> dict[str, Any]:
        """Every field, ready for JSON."""
        return dataclasses.asdict(self)


def gradient_checks() -> list[GradientCheck]:
    """Check networks of 2 to 5 and of 9 layers, with and without batch norm and penalty; then those
    without batch norm as published."""
    cases = [
        small_case(layers, batch_norm, penalty)
        for batch_norm in (False, True)
        for layers in LAYERS
        for penalty in PENALTIES
    ]
    plain = [case for case in cases if not case.network.batch_norm]
    return [
        *(check_gradients(case, as_published=False) for case in cases),
        *(check_gradients(case, as_published=True) for case in plain),
    ]


def small_case(layers: int, batch_norm: bool, penalty: float) -> Case:
    """A network of this many affine layers with random parameters and samples."""
    network = Network(INPUTS, HIDDEN[: layers - 1], normalization="batch" if batch_norm else "none")
    return random_case(network, SAMPLES, penalty=penalty, seed=0)


def check_gradients(case: Case, *, as_published: bool) -> GradientCheck:
    """Judge the gradients by hand, or the published code's, by both measures.

    Arguments:
        case: float64; without batch norm for `as_published`.
        as_published: leave the penalty out of the gradient of W1.
    """
    code = PUBLISHED if as_published else cast(Implementation, manual_impl)
    gradients = code.gradients(case.network, case.parameters, case.X, case.y, penalty=case.penalty)
    kinds: dict[str, float] = {}
    for name, differences in two_point_differences(case).items():
        kind, _ = split_name(name)
        kinds[kind] = max(kinds.get(kind, 0.0), float(np.abs(gradients[name] - differences).max()))
    ours = check_case(case, code, cast(Implementation, torch_impl))
    best = None if ours.examination is None else ours.examination.best
    return GradientCheck(
        layers=case.network.depth,
        batch_norm=case.network.batch_norm,
        penalty=case.penalty,
        as_published=as_published,
        kinds=kinds,
        relative=max(
            tensor.max_rel or 0.0
            for tensor in ours.tensors
            if tensor.name in case.parameters
            and tensor.witness == "autograd"
            and tensor.scale == "relative"
        ),
        passed_report=max(kinds.values()) < CENTRAL,
        passed_ours=ours.verdict == "agree",
        diagnosis="" if best is None else best.candidate.name,
    )


def two_point_differences(case: Case) -> dict[str, Float[np.ndarray, "..."]]:
    """(J(w + h) - J(w - h)) / 2h for every entry of every parameter, in its shape.

    As in the report, kinks of the ReLUs are not handled; in `small_case` none is close enough.
    """
    differences = {name: np.zeros(value.shape) for name, value in case.parameters.items()}
    largest = max(value.size for value in differences.values())
    for probe in probes(case.parameters, stream(0, "probes"), every_below=largest, entries=0):
        above, below = (
            manual_impl.forward(
                case.network,
                case.parameters | {probe.name: case.parameters[probe.name] + h * probe.direction},
                case.X,
                case.y,
                penalty=case.penalty,
            )["cost"]
            for h in (STEP, -STEP)
        )
        differences[probe.name] += float(above - below) / (2 * STEP) * probe.direction
    return differences


def unpenalised_first_layer(
    network: Network,
    parameters: Parameters,
    X: Float[np.ndarray, "n d"],
    y: Int[np.ndarray, " n"],
    *,
    penalty: float,
) -> Gradients:
    """The published code's gradients without batch norm: 2 lambda W1 is missing."""
    gradients = manual_impl.gradients(network, parameters, X, y, penalty=penalty)
    return gradients | {"W1": gradients["W1"] - 2 * penalty * parameters["W1"]}


PUBLISHED = cast(
    Implementation,
    SimpleNamespace(forward=manual_impl.forward, gradients=unpenalised_first_layer),
)
"""The published code without batch norm."""
