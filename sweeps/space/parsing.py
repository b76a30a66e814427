"""Parse `--over FIELD=SPEC`."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sweeps.space.axes import Axis, Choices, Range, Space, extremes
from sweeps.space.fields import FIELDS, kind_of, parse_value, require_field
from twingrad.errors import UserError
from twingrad.recipe import Recipe
from twingrad.settings import require_in_range

SPECS = "a,b,c or log:LOW:HIGH, linear:LOW:HIGH, int:LOW:HIGH, FIRST..LAST"

LARGEST = 2**62
"""Maximum of a range of whole numbers, so that a generator of 64 bits can draw from it."""

LONGEST = 10_000
"""Maximum number of values of `FIRST..LAST`."""


def parse_space(texts: Sequence[str], recipe: Recipe) -> Space:
    """Parse several `--over`.

    Arguments:
        texts: such as "penalty=log:1e-5:1e-1", "hidden=50-50,100-50", "seed=0..4".
        recipe: values of the fields that are not searched.

    Raises:
        UserError: no field; an unknown or repeated one, or one without effect; a malformed or
            empty range; a value that a recipe cannot have.
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
                require_in_range(FIELDS[axis.field], value)
                replace(recipe, **suited(axis.field, value, fields, recipe))
            except UserError as error:
                raise UserError(f"--over {axis.field}: the value {label} ({error})") from error
    return space


def require_effect(axis: Axis, space: Space, recipe: Recipe) -> None:
    """Raise UserError if a field has no effect in any trial, such as Adam's beta1 with plain
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
    """A value of a field, with values of the other searched fields that it can be combined with.

    A value is refused only if it can be combined with none; a trial with values that cannot be
    combined is invalid.
    """
    harmless = {
        "normalization": "none",
        "hidden": (50, 50),
        "batch_size": max(recipe.batch_size, 2),
        "schedule": "cyclical",
        "smoothing": 0.0,
        "loss": "cross_entropy",
    }
    values = {name: other for name, other in harmless.items() if name in searched}
    if "eta_min" in searched:
        values["eta_min"] = (value if field == "eta_max" else recipe.eta_max) / 2
    if "eta_max" in searched and field == "eta_min":
        values["eta_max"] = 2 * value
    return values | {field: value}


def parse_axis(text: str) -> Axis:
    """Parse a single `--over`; errors as in `parse_space`."""
    field, _, spec = text.partition("=")
    field, spec = field.strip().replace("-", "_"), spec.strip()
    require_field(field)
    if not spec:
        raise UserError(f"--over {text}: has no values; expected {SPECS}")
    kind, colon, ends = spec.partition(":")
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
    """Parse a range from its kind and the text LOW:HIGH."""
    where, numeric = f"--over {field}={kind}:{ends}", kind_of(field)
    if kind not in ("log", "linear", "int"):
        raise UserError(f"{where}: begins with {kind!r}, but expected log, linear or int")
    words: tuple[str, ...] = FIELDS[field].metadata["choices"]
    if numeric in (tuple, bool) or words or (kind == "int" and numeric is not int):
        other = "linear" if numeric in (float, str) and not words else "a list"
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
    """The labels of "0..4"."""
    where = f"--over {field}={spec}"
    if kind_of(field) is not int:
        raise UserError(f"{where}: FIRST..LAST is for whole numbers; expected {SPECS}")
    try:
        first, last = (int(end) for end in spec.split(".."))
    except ValueError:
        raise UserError(f"{where}: expected two whole numbers, FIRST..LAST") from None
    if last < first:
        raise UserError(f"{where}: runs from high to low; expected FIRST up to LAST")
    if last - first >= LONGEST:
        raise UserError(f"{where}: has more than {LONGEST} values; take a range, int:LOW:HIGH")
    return tuple(str(value) for value in range(first, last + 1))
