"""What a field of a recipe says about itself, and the check of its values.

Commands make their options from it, and sweeps their fields.
"""

import dataclasses
import math
from numbers import Integral, Real
from typing import Any, get_args, get_origin

from twingrad.errors import UserError


def setting(
    default: Any,
    help: str,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    below: float = math.inf,
    choices: tuple[str, ...] = (),
    only_with: tuple[str, tuple[str, ...]] | None = None,
) -> Any:
    """A field of the recipe.

    Arguments:
        default: its value where none is given.
        help: one sentence for the command line.
        low, high: the range of a number, ends included.
        below: what a number must be less than.
        choices: what a word can be.
        only_with: another field and its values, without which this one has no effect.
    """
    limits = {"low": low, "high": high, "below": below, "choices": choices}
    metadata = {"help": help, "only_with": only_with, **limits}
    return dataclasses.field(default=default, metadata=metadata)


NUMBERS: dict[type, type] = {int: Integral, float: Real}


def require_type(field: "dataclasses.Field[Any]", value: Any) -> None:
    """Raises TypeError unless a value is of its field's type; NumPy's numbers are numbers too."""
    types: tuple[Any, ...] = get_args(field.type) or (field.type,)
    if get_origin(field.type) is tuple:
        types = (tuple,)
    kinds = tuple(NUMBERS.get(each, each) for each in types)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in types):
        raise TypeError(f"{field.name} is {value!r}")


def require_in_range(field: "dataclasses.Field[Any]", value: Any) -> None:
    """Raises unless a field's value is one that its type and its `setting` allow.

    Raises:
        TypeError: it is of another type.
        UserError: it is out of range.
    """
    require_type(field, value)
    limits, option = field.metadata, "--" + field.name.replace("_", "-")
    if limits["choices"]:
        if value not in limits["choices"]:
            raise UserError(
                f"{option} is {value!r}, but expected one of: {', '.join(limits['choices'])}"
            )
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    low, high, below = limits["low"], limits["high"], limits["below"]
    if not (low <= value <= high and value < below and math.isfinite(value)):
        ends = [f"at least {low}"] if low > -math.inf else []
        ends += [f"at most {high}"] if high < math.inf else []
        ends += [f"less than {below}"] if below < math.inf else []
        expected = " and ".join(ends) or "a finite number"
        raise UserError(f"{option} is {value}, but expected {expected}")
