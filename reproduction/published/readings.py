"""Two readings of the report: what the assignment specifies, and what the published code did."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from reproduction.published.defects import DEFECTS, Defects, with_defects
from twingrad.recipe import Recipe

Reading = Literal["specified", "published"]
READINGS: tuple[Reading, ...] = ("specified", "published")

NAME_OF: Mapping[Reading, str] = {"published": "as published", "specified": "as specified"}
"""For people, in the order in which they are shown."""


def recipe_of(
    fields: Mapping[str, Any], reading: Reading, seed: int, as_published: Mapping[str, Any]
) -> Recipe:
    """The recipe of a row in one reading.

    Arguments:
        fields: of the recipe; "defects" are those that a row has in every reading.
        reading: "published" has all defects, the missing penalty without batch norm alone.
        seed: of initialisation and, where there is any, of shuffling.
        as_published: fields for the published reading alone.
    """
    values = {**fields, "seed": seed}
    defects = values.pop("defects", Defects())
    if reading == "published":
        values |= as_published
        without_bn = values.get("normalization") == "none"
        defects = replace(Defects.of(DEFECTS), unpenalised_first_layer=without_bn)
    return with_defects(Recipe(**values), defects)
