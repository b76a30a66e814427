"""The fields of a recipe: default, help and range, and the validation of values.

The options of commands and the fields of sweeps are generated from them.
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
    """A dataclass field of the recipe.

    Arguments:
        default: its default.
        help: one sentence for the command line.
        low, high: the range of a number, including both ends.
        below: exclusive upper limit of a number.
        choices: the allowed strings.
        only_with: another field and the values of it with which this field has an effect.
    """
    limits = {"low": low, "high": high, "below": below, "choices": choices}
    metadata = {"help": help, "only_with": only_with, **limits}
    return dataclasses.field(default=default, metadata=metadata)


NUMBERS: dict[type, type] = {int: Integral, float: Real}


def require_type(field: "dataclasses.Field[Any]", value: Any) -> None:
    """Raise TypeError unless the value has the field's type; NumPy numbers are accepted."""
    types: tuple[Any, ...] = get_args(field.type) or (field.type,)
    if get_origin(field.type) is tuple:
        types = (tuple,)
    kinds = tuple(NUMBERS.get(each, each) for each in types)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in types):
        raise TypeError(f"{field.name} is {value!r}")


def require_in_range(field: "dataclasses.Field[Any]", value: Any) -> None:
    """Check a value against its field's type and range.

    Raises:
        TypeError: it has the wrong type.
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
