"""The values of an implementation on one case, and their distance from predictions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from compare.cases import Case
from compare.derivation.backward import order as backward_order
from compare.derivation.forward import order as forward_order
from compare.derivation.wording import Form
from compare.diagnosis.catalogue.fault import Prediction, right_values
from compare.numerics.structure import VALUE, is_value, unit, values_of
from twingrad.network import Trace

ROUNDING = 1e-11
"""Maximum difference between two right computations of a tensor, relative to its largest entry."""

UNIT_ROUNDING = 1e-12
"""Absolute rounding error that cancelling terms leave, in units of the gradient (1, 1/sqrt(v),
1/v)."""


@dataclass(frozen=True)
class Evidence:
    """The values under test.

    Arguments:
        case: the inputs, float64.
        found: gradients by name, and values of the forward pass as "forward p", "forward s1", ...;
            float64, finite. Names that are missing are not judged.
        rounding: allowed rounding error, relative to a tensor's magnitude.
        alone: the gradient that each layer computes from the right gradient of its output, if the
            implementation supports it (teacher forcing).
        form: the meaning of lambda in the code, which only affects wording: the case's penalty is
            always lambda ||W||^2.
    """

    case: Case
    found: Mapping[str, np.ndarray]
    rounding: float = ROUNDING
    alone: Mapping[str, np.ndarray] = field(default_factory=dict)
    form: Form = "full"

    @cached_property
    def right(self) -> Prediction:
        """The right values."""
        return right_values(self.case)

    @cached_property
    def trace(self) -> Trace:
        """The right values of the forward pass, by name."""
        return values_of(self.right)

    @cached_property
    def own_trace(self) -> Trace:
        """The values found; right ones where none were found. The backward pass under test used
        these."""
        found = values_of(self.found)
        shapes = {name: value.shape for name, value in self.trace.items()}
        return self.trace | {n: v for n, v in found.items() if v.shape == shapes.get(n)}

    @cached_property
    def whole_trace(self) -> bool:
        """Whether values that were not given can be assumed to be right."""
        return not any(map(is_value, self.wrong)) or all(
            f"{VALUE}{name}" in self.found for name in self.trace
        )

    @cached_property
    def units(self) -> dict[str, float]:
        """The factor by which rounding grows in each gradient, because terms cancel."""
        names = (name for name in self.right if not is_value(name))
        return {name: unit(self.case.network, name, self.trace) for name in names}

    @cached_property
    def order(self) -> list[str]:
        """The names of the values found, in order of execution."""
        forward = [f"{VALUE}{name}" for _, _, name in forward_order(self.case.network)]
        backward = [name for _, _, name in backward_order(self.case.network)]
        return [name for name in (*forward, *backward) if name in self.found]

    def error(self, name: str, prediction: np.ndarray, found: np.ndarray | None = None) -> float:
        """Maximum difference between a tensor and a prediction, in units of the allowed rounding
        error.

        At most 1 is agreement; infinite if the shapes differ.
        """
        value = self.found[name] if found is None else found
        if value.shape != prediction.shape:
            return np.inf
        if not (np.isfinite(prediction) & np.isfinite(value)).all():
            return np.inf  # what is not finite explains nothing, and nothing explains it
        difference = float(np.abs(value - prediction).max(initial=0))
        magnitude = float(max(np.abs(value).max(initial=0), np.abs(prediction).max(initial=0)))
        scale = self.units.get(name, 1.0)
        return difference / (self.rounding * (magnitude + UNIT_ROUNDING / ROUNDING * scale))

    def residual(self, prediction: Prediction) -> float:
        """Maximum difference from a prediction, relative to its tensor."""
        return max((self.error(name, prediction[name]) for name in self.order), default=0.0) * (
            self.rounding
        )

    @cached_property
    def wrong(self) -> list[str]:
        """The names of the wrong tensors, in order of execution."""
        return [name for name in self.order if self.error(name, self.right[name]) > 1]
