"""What is searched: for each field of a recipe, a list of values or a range of numbers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeps.space.fields import kind_of, parse_value
from twingrad.errors import UserError
from twingrad.recipe import Recipe

if TYPE_CHECKING:
    from optuna import Trial

Value = str | int | float
"""Value of a field in a study: a number from a range, or the label of a choice."""

Parameters = Mapping[str, Value]
"""A point of a space: the value of every field searched."""


@dataclass(frozen=True)
class Choices:
    """A list of values.

    Arguments:
        field: of the recipe.
        labels: as the user wrote them, one for each value, such as "50-50" or "he".
    """

    field: str
    labels: tuple[str, ...]

    @property
    def spec(self) -> str:
        """As `--over` takes it."""
        return f"{self.field}={','.join(self.labels)}"

    def suggest(self, trial: "Trial") -> Value:
        """The value of a study's trial, drawn if it has none."""
        return trial.suggest_categorical(self.field, self.labels)

    def draw(self, rng: np.random.Generator) -> Value:
        """Any label, all equally likely."""
        return self.labels[int(rng.integers(len(self.labels)))]

    def grid(self, points: int) -> list[Value]:
        """All labels."""
        return list(self.labels)

    def holds(self, value: Value) -> bool:
        """True if a value is one of the labels."""
        return value in self.labels

    def narrowed(self, best: Sequence[Value], spacing: float) -> "Choices":
        """The labels that are among the best values."""
        return replace(self, labels=tuple(label for label in self.labels if label in best))

    def decode(self, value: Value) -> Any:
        """The recipe's value for a label."""
        return parse_value(self.field, str(value))


@dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`, both included.

    Arguments:
        field: of the recipe.
        low, high: the ends.
        log: True if uniform in the logarithm, False if in the number itself.
        whole: True for whole numbers only.
    """

    field: str
    low: float
    high: float
    log: bool
    whole: bool

    @property
    def spec(self) -> str:
        """As `--over` takes it."""
        kind = "log" if self.log else "int" if self.whole else "linear"
        return f"{self.field}={kind}:{self.low!r}:{self.high!r}"

    def suggest(self, trial: "Trial") -> Value:
        """The value of a study's trial, drawn if it has none."""
        if self.whole:
            return trial.suggest_int(self.field, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(self.field, self.low, self.high, log=self.log)

    def draw(self, rng: np.random.Generator) -> Value:
        """Any number of the range, uniform on its scale."""
        if self.whole and not self.log:
            return int(rng.integers(int(self.low), int(self.high) + 1))
        return self.at(float(rng.uniform(self.scale(self.low), self.scale(self.high))))

    def grid(self, points: int) -> list[Value]:
        """Evenly spaced values from end to end, fewer if there are fewer whole numbers."""
        scaled = np.linspace(self.scale(self.low), self.scale(self.high), points)
        return list(dict.fromkeys(self.at(float(value)) for value in scaled))

    def holds(self, value: Value) -> bool:
        """True if a number is in the range."""
        return self.low <= float(value) <= self.high

    def narrowed(self, best: Sequence[Value], spacing: float) -> "Range":
        """The span of the best values, extended on both sides by `spacing` times this range."""
        ends = [self.scale(float(value)) for value in best]
        margin = spacing * (self.scale(self.high) - self.scale(self.low))
        return replace(self, low=self.at(min(ends) - margin), high=self.at(max(ends) + margin))

    def decode(self, value: Value) -> Any:
        """The recipe's value; a range of initialisations is a range of sigmas."""
        return repr(float(value)) if kind_of(self.field) is str else value

    def scale(self, value: float) -> float:
        """Position of a value on the uniform scale."""
        return math.log(value) if self.log else value

    def at(self, scaled: float) -> int | float:
        """The value at a position, limited to the range."""
        value = min(max(math.exp(scaled) if self.log else scaled, self.low), self.high)
        return round(value) if self.whole else value


Axis = Choices | Range
Space = tuple[Axis, ...]


def extremes(axis: Axis) -> Sequence[Value]:
    """The values to check: if a recipe accepts these, it accepts every value of the axis."""
    return axis.labels if isinstance(axis, Choices) else (axis.low, axis.high)


def apply(recipe: Recipe, space: Space, parameters: Parameters) -> Recipe:
    """The recipe of a point.

    Raises:
        UserError: the values cannot be combined, such as eta_min above eta_max.
    """
    return replace(recipe, **{axis.field: axis.decode(parameters[axis.field]) for axis in space})


def combinations(space: Space, recipe: Recipe, points: int) -> list[Parameters]:
    """Every point of the grid whose values can be combined; the last field changes fastest.

    Raises:
        UserError: there is none.
    """
    grid: list[dict[str, Value]] = [{}]
    for axis in space:
        grid = [{**point, axis.field: value} for point in grid for value in axis.grid(points)]
    found: list[Parameters] = []
    refusal = None
    for point in grid:
        try:
            apply(recipe, space, point)
        except UserError as error:
            refusal = error
        else:
            found.append(point)
    if not found:
        raise UserError(f"--over: no combination of these values can be run ({refusal})")
    return found
