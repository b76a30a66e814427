"""`--over FIELD=SPEC` as an axis of the space, with errors that say what is expected."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sweeps.space.axes import Axis, Choices, Range, Space, extremes
from sweeps.space.fields import (
    FIELDS,
    choices_of,
    kind_of,
    parse_value,
    require_allowed,
    require_field,
)
from twingrad.errors import UserError
from twingrad.recipe import Recipe

FORMS = "a,b,c or log:LOW:HIGH, linear:LOW:HIGH, int:LOW:HIGH, FIRST..LAST"
LARGEST = 2**62
"""End of a range of whole numbers: what a generator of 64 bits draws from."""

LONGEST = 10_000
"""Values that `FIRST..LAST` may stand for."""


def parse_space(texts: Sequence[str], recipe: Recipe) -> Space:
    """The space that several `--over` make.

    Arguments:
        texts: such as "penalty=log:1e-5:1e-1", "hidden=50-50,100-50", "seed=0..4".
        recipe: what is searched around; values that it could not hold are refused.

    Raises:
        UserError: no field, an unknown or repeated one, one without effect, an empty or inverted
            range, a log range from 0, a value that a recipe refuses.
    """
    if not texts:
        raise UserError("--over is missing: name what to search, such as penalty=log:1e-5:1e-1")
    space = tuple(parse_axis(text) for text in texts)
    fields = [axis.field for axis in space]
    for field in fields:
        if fields.count(field) > 1:
            raise UserError(f"--over {field}: was given twice; give one list or one range")
    for axis in space:
        require_effect(axis, space, recipe)
        for label in extremes(axis):
            value = axis.decode(label)
            try:
                require_allowed(axis.field, value)
                replace(recipe, **suited(axis.field, value, fields, recipe))
            except UserError as error:
                raise UserError(f"--over {axis.field}: the value {label} ({error})") from error
    return space


def require_effect(axis: Axis, space: Space, recipe: Recipe) -> None:
    """Raise UserError if a field does nothing in any trial, such as Adam's beta1 in plain
    gradient descent."""
    only_with = FIELDS[axis.field].metadata["only_with"]
    if only_with is None:
        return
    name, needed = only_with
    values = [getattr(recipe, name)]
    for other in space:
        if other.field == name:
            values = [other.decode(label) for label in extremes(other)]
    if not set(values) & set(needed):
        raise UserError(
            f"--over {axis.field}: has no effect with {name} {' or '.join(map(str, values))}, "
            f"only with {' or '.join(needed)}"
        )


def suited(field: str, value: Any, searched: Sequence[str], recipe: Recipe) -> dict[str, Any]:
    """A value of a field, and of the other fields searched values that go with any.

    So a value is not refused for what another field is in some trials; a trial whose values do
    not go together is told as such.
    """
    harmless = {
        "normalization": "none",
        "hidden": (50, 50),
        "batch_size": max(recipe.batch_size, 2),
        "schedule": "cyclical",
    }
    values = {name: other for name, other in harmless.items() if name in searched}
    if "eta_min" in searched:
        values["eta_min"] = (value if field == "eta_max" else recipe.eta_max) / 2
    if "eta_max" in searched and field == "eta_min":
        values["eta_max"] = 2 * value
    return values | {field: value}


def parse_axis(text: str) -> Axis:
    """One field's values.

    Raises:
        UserError: see `parse_space`.
    """
    field, equals, spec = text.partition("=")
    field = field.strip().replace("-", "_")
    require_field(field)
    if not equals or not spec.strip():
        raise UserError(f"--over {text}: has no values; expected {FORMS}")
    kind, colon, ends = spec.strip().partition(":")
    if colon:
        return parse_range(field, kind, ends)
    if ".." in spec:
        return Choices(field, consecutive(field, spec))
    labels = tuple(label.strip() for label in spec.split(","))
    values = [parse_value(field, label) for label in labels]
    for i, value in enumerate(values):
        if value in values[:i]:
            raise UserError(f"--over {field}: has {labels[i]} twice")
    return Choices(field, labels)


def parse_range(field: str, kind: str, ends: str) -> Range:
    """A range by its kind and its two ends."""
    where, numeric = f"--over {field}={kind}:{ends}", kind_of(field)
    if kind not in ("log", "linear", "int"):
        raise UserError(f"{where}: begins with {kind!r}, but expected log, linear or int")
    if numeric in (tuple, bool) or choices_of(field) or (kind == "int" and numeric is not int):
        takes_numbers = numeric in (float, str) and not choices_of(field)
        other = "linear" if takes_numbers else "a list"
        raise UserError(f"{where}: {field} takes no range of this kind; give {other}")
    whole = numeric is int
    try:
        low, high = ((int if whole else float)(end) for end in ends.split(":"))
    except ValueError:
        number = "whole numbers" if whole else "numbers"
        raise UserError(f"{where}: expected two {number}, LOW:HIGH") from None
    if whole and max(abs(low), abs(high)) > LARGEST:
        raise UserError(f"{where}: its ends must be whole numbers up to {LARGEST}")
    if not math.isfinite(high - low):
        raise UserError(f"{where}: its ends, and their difference, must be finite numbers")
    if low >= high:
        reason = "is empty" if low == high else "runs from high to low"
        raise UserError(f"{where}: {reason}; expected LOW below HIGH")
    if kind == "log" and low <= 0:
        raise UserError(f"{where}: a log range cannot begin at {low:g}; take a LOW above 0")
    return Range(field, low, high, log=kind == "log", whole=whole)


def consecutive(field: str, spec: str) -> tuple[str, ...]:
    """ "0..4" as five labels."""
    where = f"--over {field}={spec}"
    if kind_of(field) is not int:
        raise UserError(f"{where}: FIRST..LAST is for whole numbers; expected {FORMS}")
    try:
        first, last = (int(end) for end in spec.split(".."))
    except ValueError:
        raise UserError(f"{where}: expected two whole numbers, FIRST..LAST") from None
    if last < first:
        raise UserError(f"{where}: runs from high to low; expected FIRST up to LAST")
    if last - first >= LONGEST:
        raise UserError(f"{where}: has more than {LONGEST} values; take a range, int:LOW:HIGH")
    return tuple(str(value) for value in range(first, last + 1))
