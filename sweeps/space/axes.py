"""What is searched: for every field of a recipe a list of values, or a range of numbers."""

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
"""Value of a field as a study stores it: a number from a range, or the label of a choice."""

Parameters = Mapping[str, Value]
"""A point of a space: the value of every field searched."""


@dataclass(frozen=True)
class Choices:
    """A list of values.

    Arguments:
        field: of the recipe.
        labels: as written, one for each value, such as "50-50" or "he".
    """

    field: str
    labels: tuple[str, ...]

    @property
    def spec(self) -> str:
        """As `--over` takes it."""
        return f"{self.field}={','.join(self.labels)}"

    def suggest(self, trial: "Trial") -> Value:
        """What a study's trial has, or gets now."""
        return trial.suggest_categorical(self.field, self.labels)

    def draw(self, rng: np.random.Generator) -> Value:
        """Any of them, all equally likely."""
        return self.labels[int(rng.integers(len(self.labels)))]

    def grid(self, points: int) -> list[Value]:
        """All of them."""
        return list(self.labels)

    def holds(self, value: Value) -> bool:
        """True if a value is one of them."""
        return value in self.labels

    def narrowed(self, best: Sequence[Value], spacing: float) -> "Choices":
        """The values that are among the best."""
        return replace(self, labels=tuple(label for label in self.labels if label in best))

    def decode(self, value: Value) -> Any:
        """The recipe's value."""
        return parse_value(self.field, str(value))


@dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`, both included.

    Arguments:
        field: of the recipe.
        low, high: the ends.
        log: uniform in the logarithm, else in the number itself.
        whole: whole numbers only.
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
        """What a study's trial has, or gets now."""
        if self.whole:
            return trial.suggest_int(self.field, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(self.field, self.low, self.high, log=self.log)

    def draw(self, rng: np.random.Generator) -> Value:
        """Any number of the range, uniform on its scale."""
        if self.whole and not self.log:
            return int(rng.integers(int(self.low), int(self.high) + 1))
        return self.at(float(rng.uniform(self.scale(self.low), self.scale(self.high))))

    def grid(self, points: int) -> list[Value]:
        """This many values from end to end, or fewer if there are not as many whole numbers."""
        scaled = np.linspace(self.scale(self.low), self.scale(self.high), points)
        return list(dict.fromkeys(self.at(float(value)) for value in scaled))

    def holds(self, value: Value) -> bool:
        """True if a number lies in the range."""
        return self.low <= float(value) <= self.high

    def narrowed(self, best: Sequence[Value], spacing: float) -> "Range":
        """The span of the best, wider by `spacing` (a share of this range) on either side."""
        ends = [self.scale(float(value)) for value in best]
        margin = spacing * (self.scale(self.high) - self.scale(self.low))
        return replace(self, low=self.at(min(ends) - margin), high=self.at(max(ends) + margin))

    def decode(self, value: Value) -> Any:
        """The recipe's value; a range of initialisations is one of sigmas."""
        return repr(float(value)) if kind_of(self.field) is str else value

    def scale(self, value: float) -> float:
        """Position of a value on the uniform scale."""
        return math.log(value) if self.log else value

    def at(self, scaled: float) -> int | float:
        """The value there, never outside the range."""
        value = min(max(math.exp(scaled) if self.log else scaled, self.low), self.high)
        return round(value) if self.whole else value


Axis = Choices | Range


def extremes(axis: Axis) -> Sequence[Value]:
    """Values that can all be run if every value of the axis can."""
    return axis.labels if isinstance(axis, Choices) else (axis.low, axis.high)


Space = tuple[Axis, ...]


def apply(recipe: Recipe, space: Space, parameters: Parameters) -> Recipe:
    """The recipe of one point.

    Raises:
        UserError: the values do not go together, such as eta_min above eta_max.
    """
    return replace(recipe, **{axis.field: axis.decode(parameters[axis.field]) for axis in space})


def combinations(space: Space, recipe: Recipe, points: int) -> list[Parameters]:
    """Every point of the grid whose values go together; the last field runs fastest.

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
