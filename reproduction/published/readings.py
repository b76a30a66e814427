"""Two readings of the report: what the assignment specifies, and what the published code did."""

from collections.abc import Mapping
from typing import Any, Literal

from twingrad.recipe import Recipe

Reading = Literal["specified", "published"]
READINGS: tuple[Reading, ...] = ("specified", "published")

NAME_OF: Mapping[Reading, str] = {"published": "as published", "specified": "as specified"}
"""For people, in the order in which they are shown."""

DEFECTS = {
    "unpenalised_first_layer": "Without batch norm the gradient of W1 lacks its penalty, "
    "2 lambda W1, while the cost counts lambda ||W1||^2: W1 never decays.",
    "unshuffled": "A permutation was drawn every epoch and not used: the minibatches are the "
    "same 450, in the same order, in every epoch.",
    "per_file_standardization": "Every file was standardised by its own mean and standard "
    "deviation (divided by N - 1): the test images by their own, the validation images by those "
    "of all of batch 5.",
    "stale_eta": "At t = 2 l n_s no branch of the schedule applied, so that the learning rate "
    "of the update before was used again.",
}
"""Switches of the recipe, each with a sentence on what the published code did."""


def recipe_of(
    fields: Mapping[str, Any], reading: Reading, seed: int, as_published: Mapping[str, Any]
) -> Recipe:
    """The recipe of a row in one reading.

    Arguments:
        fields: of the recipe; a defect that is set there stays set.
        reading: "published" sets the defects, the missing penalty without batch norm alone.
        seed: of initialisation and, where there is any, of shuffling.
        as_published: fields for the published reading alone.
    """
    if reading == "specified":
        return Recipe(seed=seed, **fields)
    defects = dict.fromkeys(DEFECTS, True)
    defects["unpenalised_first_layer"] = not fields.get("batch_norm", True)
    return Recipe(seed=seed, **{**fields, **defects, **as_published})
