"""The fields of a recipe as a sweep sees them: their types, and their values as text."""

import dataclasses
import typing
from typing import Any

from twingrad.errors import UserError
from twingrad.recipe import Recipe
from twingrad.settings import require_in_range

HINTS = typing.get_type_hints(Recipe)
FIELDS = {field.name: field for field in dataclasses.fields(Recipe)}
SEARCHED = tuple(name for name in FIELDS if name not in ("name", "batches"))
"""All but the name, and `batches`, which changes the validation set: its accuracies could not be
compared."""

YES, NO, NOTHING = ("true", "yes", "on", "1"), ("false", "no", "off", "0"), "none"


def require_field(field: str) -> None:
    """Raise UserError unless a sweep can run over the field."""
    if field == "batches":
        raise UserError(
            "--over batches: changes the validation set, so its accuracies cannot be compared; "
            "give --batches, or search train_size"
        )
    if field == "batch_norm":
        raise UserError(
            "--over batch_norm: is no field of a recipe any more; give normalization=batch,none"
        )
    if field not in SEARCHED:
        raise UserError(
            f"--over {field}: is no field of a recipe; there are only {', '.join(SEARCHED)}"
        )


def choices_of(field: str) -> tuple[str, ...]:
    """The words that a field can be; none for one that is no word, or any."""
    choices: tuple[str, ...] = FIELDS[field].metadata["choices"]
    return choices


def require_allowed(field: str, value: Any) -> None:
    """Raise UserError unless a recipe could hold the value, whatever its other fields are."""
    require_in_range(FIELDS[field], value)


def kind_of(field: str) -> type:
    """bool, int, float, str, or tuple for the widths."""
    hint = HINTS[field]
    kinds = {typing.get_origin(hint) or hint, *typing.get_args(hint)}
    return next(kind for kind in (tuple, bool, int, float, str) if kind in kinds)


def parse_value(field: str, text: str) -> Any:
    """The recipe's value that a label stands for.

    Arguments:
        field: of the recipe.
        text: a number, a word, widths such as "50-50", "none" for no hidden layer or for a
            field that may be empty.

    Raises:
        UserError: the text is no such value.
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
    except ValueError:
        kind = object
    if kind is str and word:
        return text.strip()
    expected = {
        tuple: "widths such as 50-50",
        bool: "true or false",
        int: "a whole number",
    }.get(kind_of(field), "a number")
    raise UserError(f"--over {field}: has the value {text.strip()!r}, but expected {expected}")
