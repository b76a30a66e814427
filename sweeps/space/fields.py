"""The fields of a recipe that can be searched: their types, and their values as text."""

import dataclasses
import typing
from typing import Any

from twingrad.errors import UserError
from twingrad.recipe import Recipe

HINTS = typing.get_type_hints(Recipe)
FIELDS = {field.name: field for field in dataclasses.fields(Recipe)}
SEARCHED = tuple(name for name in FIELDS if name not in ("name", "batches"))
"""The fields that can be searched."""

YES, NO, NOTHING = ("true", "yes", "on", "1"), ("false", "no", "off", "0"), "none"

EXPECTED = {tuple: "widths such as 50-50", bool: "true or false", int: "a whole number"}
"""What the values of a type look like; of other types, a number."""


def require_field(field: str) -> None:
    """Raise UserError unless a field can be searched."""
    if field == "batches":
        raise UserError(
            "--over batches: changes the validation set, so its accuracies cannot be compared; "
            "give --batches, or search train_size"
        )
    if field == "batch_norm":
        raise UserError(
            "--over batch_norm: is no longer a field of a recipe; give normalization=batch,none"
        )
    if field not in SEARCHED:
        raise UserError(f"--over {field}: is no field of a recipe; those are {', '.join(SEARCHED)}")


def kind_of(field: str) -> type:
    """The type of a field's values: bool, int, float, str, or tuple for the widths."""
    hint = HINTS[field]
    kinds = {typing.get_origin(hint) or hint, *typing.get_args(hint)}
    return next(kind for kind in (tuple, bool, int, float, str) if kind in kinds)


def parse_value(field: str, text: str) -> Any:
    """The recipe's value for a label.

    Arguments:
        field: of the recipe.
        text: a number, a word, or widths such as "50-50"; "none" for no hidden layers, or for no
            value of a field that allows it.

    Raises:
        UserError: the text is not such a value.
    """
    kind, word = kind_of(field), text.strip().lower()
    try:
        if kind is tuple:
            return () if word == NOTHING else tuple(int(width) for width in word.split("-"))
        if word == NOTHING and type(None) in typing.get_args(HINTS[field]):
            return None
        if kind is bool and word in (*YES, *NO):
            return word in YES
        if kind in (int, float):
            return kind(word)
        if kind is str and word:
            return text.strip()
    except ValueError:
        pass  # reported below
    expected = EXPECTED.get(kind, "a number")
    raise UserError(f"--over {field}: has the value {text.strip()!r}, but expected {expected}")
