"""The two readings of the report: as the assignment specifies, and as the published code did."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from reproduction.published.defects import DEFECTS, Defects, with_defects
from twingrad.recipe import Recipe

Reading = Literal["specified", "published"]
READINGS: tuple[Reading, ...] = ("specified", "published")

NAME_OF: Mapping[Reading, str] = {"published": "as published", "specified": "as specified"}
"""Names of the readings, in the order in which they are shown."""


def recipe_of(
    fields: Mapping[str, Any], reading: Reading, seed: int, as_published: Mapping[str, Any]
) -> Recipe:
    """The recipe of a row in one reading.

    Arguments:
        fields: of the recipe; "defects" are defects that a row has in every reading.
        reading: "published" has all defects, except that the penalty is only missing without
            batch norm.
        seed: of the initialisation and the sample order.
        as_published: fields that differ in the published reading.
    """
    values = {**fields, "seed": seed}
    defects = values.pop("defects", Defects())
    if reading == "published":
        values |= as_published
        without_bn = values.get("normalization") == "none"
        defects = replace(Defects.of(DEFECTS), unpenalised_first_layer=without_bn)
    return with_defects(Recipe(**values), defects)
