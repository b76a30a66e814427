"""Other checks of the same gradients, each as it is usually run.

All three compare the gradients of parameters with numerical derivatives of the code's own cost.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from twingrad.network import Parameters

CS231N_STEP = 1e-5
CS231N_ALARM = 1e-5
"""Relative error above which the rule raises an alarm. The course's limits: above 1e-2 the gradient
is usually wrong; 1e-4 is acceptable if the cost has kinks, and 1e-7 if it has none."""

CONSISTENT = 1e-7
"""Largest error of central differences without a fault, relative to max(1, largest entry)."""

Cost = Callable[[Parameters], float]


@dataclass
class RememberedCost:
    """A cost function that remembers its values, which several faults need.

    Arguments:
        cost: as a function of all parameters.
        at: the parameters at which it is differentiated.
    """

    cost: Cost
    at: Parameters
    known: dict[tuple[bytes, ...], float] = field(default_factory=dict)

    def moved(self, name: str, flat: int, step: float) -> float:
        """The cost with a step added to one entry of a parameter."""
        value = self.at[name].copy()
        value.flat[flat] += step
        return self.of(self.at | {name: value})

    def of(self, parameters: Parameters) -> float:
        """The cost at any parameters."""
        key = tuple(value.tobytes() for value in parameters.values())
        if key not in self.known:
            self.known[key] = self.cost(parameters)
        return self.known[key]


def central_differences(cost: RememberedCost) -> dict[str, np.ndarray]:
    """(f(w + h) - f(w - h)) / 2h at every entry."""
    numerical = {}
    for name, value in cost.at.items():
        sides = np.array(
            [
                cost.moved(name, flat, CS231N_STEP) - cost.moved(name, flat, -CS231N_STEP)
                for flat in range(value.size)
            ]
        )
        numerical[name] = (sides / (2 * CS231N_STEP)).reshape(value.shape)
    return numerical


def relative_error_rule(
    gradients: Mapping[str, np.ndarray], numerical: Mapping[str, np.ndarray]
) -> bool:
    """Whether CS231n's relative error |a - n| / max(|a|, |n|) of any entry exceeds the limit."""
    for name, expected in numerical.items():
        actual = gradients[name]
        if actual.shape != expected.shape:
            return True
        size = np.maximum(np.abs(actual), np.abs(expected))
        error = np.abs(actual - expected) / np.where(size > 0, size, 1)
        if error.max() > CS231N_ALARM:
            return True
    return False


def allclose_rule(gradients: Mapping[str, np.ndarray], numerical: Mapping[str, np.ndarray]) -> bool:
    """Whether `numpy.allclose`, with its defaults, is false for any tensor."""
    return any(
        gradients[name].shape != expected.shape or not np.allclose(gradients[name], expected)
        for name, expected in numerical.items()
    )


def gradcheck_rule(gradients: Mapping[str, np.ndarray], cost: RememberedCost) -> bool:
    """Whether `torch.autograd.gradcheck`, with its defaults, raises."""
    names = list(cost.at)

    class Cost(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, *values: torch.Tensor) -> torch.Tensor:
            at = {name: value.numpy() for name, value in zip(names, values, strict=True)}
            return torch.tensor(cost.of(at), dtype=torch.float64)

        @staticmethod
        def backward(ctx: object, *upstream: torch.Tensor) -> tuple[torch.Tensor, ...]:
            (G,) = upstream
            return tuple(
                G * torch.from_numpy(np.ascontiguousarray(gradients[name])) for name in names
            )

    inputs = tuple(torch.tensor(value, requires_grad=True) for value in cost.at.values())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            torch.autograd.gradcheck(Cost.apply, inputs)
        except RuntimeError:  # a disagreement, or gradients of another shape
            return True
    return False


RULES = ("CS231n", "allclose", "gradcheck")


def say(
    gradients: Mapping[str, np.ndarray], numerical: Mapping[str, np.ndarray], cost: RememberedCost
) -> dict[str, bool]:
    """Whether each check raises an alarm."""
    said = (
        relative_error_rule(gradients, numerical),
        allclose_rule(gradients, numerical),
        gradcheck_rule(gradients, cost),
    )
    return dict(zip(RULES, said, strict=True))


def consistent(gradients: Mapping[str, np.ndarray], numerical: Mapping[str, np.ndarray]) -> bool:
    """Whether the gradients are the derivatives of the code's own cost."""
    return all(
        gradients[name].shape == expected.shape
        and float(np.abs(gradients[name] - expected).max())
        <= CONSISTENT * max(1.0, float(np.abs(expected).max()))
        for name, expected in numerical.items()
    )
