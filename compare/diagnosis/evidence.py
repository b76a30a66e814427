"""What an implementation gave on one case, and how far that is from any prediction of it."""

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
"""Limit relative to a tensor's largest entry: two right ways to compute it differ by less."""

UNIT_ROUNDING = 1e-12
"""Absolute, in units of the gradient (1, 1/sqrt(v), 1/v): what terms that cancel leave."""


@dataclass(frozen=True)
class Evidence:
    """The values under test.

    Arguments:
        case: what they were computed on, float64.
        found: gradients by name; values of the forward pass as "forward p", "forward s1", ...
            What is not there is not judged. Float64, finite.
        rounding: of a tensor's magnitude, what its precision explains.
        alone: gradients that each layer makes of the right gradient of its output, if the
            implementation can be asked for them (teacher forcing).
        form: what lambda means to whoever wrote the code; for words alone, since the case's
            penalty is that of lambda ||W||^2 in any form.
    """

    case: Case
    found: Mapping[str, np.ndarray]
    rounding: float = ROUNDING
    alone: Mapping[str, np.ndarray] = field(default_factory=dict)
    form: Form = "full"

    @cached_property
    def right(self) -> Prediction:
        """What is right."""
        return right_values(self.case)

    @cached_property
    def trace(self) -> Trace:
        """The right values of the forward pass, by name."""
        return values_of(self.right)

    @cached_property
    def own_trace(self) -> Trace:
        """The values found, over the right ones: what the backward pass under test worked with."""
        found = values_of(self.found)
        shapes = {name: value.shape for name, value in self.trace.items()}
        return self.trace | {n: v for n, v in found.items() if v.shape == shapes.get(n)}

    @cached_property
    def whole_trace(self) -> bool:
        """Whether the values that were not found can be taken for right."""
        return not any(map(is_value, self.wrong)) or all(
            f"{VALUE}{name}" in self.found for name in self.trace
        )

    @cached_property
    def units(self) -> dict[str, float]:
        """By gradient, the size of its rounding where terms cancel."""
        names = (name for name in self.right if not is_value(name))
        return {name: unit(self.case.network, name, self.trace) for name in names}

    @cached_property
    def order(self) -> list[str]:
        """The names found, in order of execution."""
        forward = [f"{VALUE}{name}" for _, _, name in forward_order(self.case.network)]
        backward = [name for _, _, name in backward_order(self.case.network)]
        return [name for name in (*forward, *backward) if name in self.found]

    def error(self, name: str, prediction: np.ndarray, found: np.ndarray | None = None) -> float:
        """A tensor's largest difference from a prediction, in what rounding allows.

        At most 1 is agreement; infinite where the shapes differ.
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
        """The largest difference from a prediction, relative to the tensor that has it."""
        return max((self.error(name, prediction[name]) for name in self.order), default=0.0) * (
            self.rounding
        )

    @cached_property
    def wrong(self) -> list[str]:
        """The tensors found that are not right, in order of execution."""
        return [name for name in self.order if self.error(name, self.right[name]) > 1]
