"""The four defects of the published code, and a recipe that trains with them.

`twingrad.recipe.Recipe` has no defects: it only lets a subclass override the order of the samples,
the learning rates, the unpenalised weights and the standardisation. A `PublishedRecipe` can
therefore be used wherever a recipe can.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from twingrad.errors import UserError
from twingrad.recipe import Recipe
from twingrad.schedule import Plan
from twingrad.settings import setting

DEFECTS = {
    "unpenalised_first_layer": "Without batch norm the gradient of W1 lacks its penalty, "
    "2 lambda W1, while the cost counts lambda ||W1||^2: W1 never decays.",
    "unshuffled": "A permutation was drawn every epoch but not used: every epoch has the same 450 "
    "minibatches in the same order.",
    "per_file_standardization": "Every file was standardised by its own mean and standard "
    "deviation (divisor N - 1): the test images by those of the test file, the validation images "
    "by those of the whole of batch 5.",
    "stale_eta": "At t = 2 l n_s no branch of the schedule applied, so the previous learning rate "
    "was used again.",
}
"""Each defect, with a description."""


@dataclass(frozen=True)
class Defects:
    """The defects of a training; `DEFECTS` describes them."""

    unpenalised_first_layer: bool = False
    unshuffled: bool = False
    per_file_standardization: bool = False
    stale_eta: bool = False

    @property
    def names(self) -> list[str]:
        """Names of the defects that are switched on."""
        return [field.name for field in fields(self) if getattr(self, field.name)]

    @classmethod
    def of(cls, names: Iterable[str]) -> "Defects":
        """The defects with these names.

        Raises:
            TypeError: there is no such defect.
        """
        return cls(**dict.fromkeys(names, True))


@dataclass(frozen=True)
class PublishedRecipe(Recipe):
    """A recipe with defects; created by `with_defects`."""

    defects: Defects = setting(Defects(), "Defects of the published code.")  # noqa: RUF009

    @property
    def unpenalised(self) -> tuple[str, ...]:
        return ("W1",) if self.defects.unpenalised_first_layer else ()

    @property
    def per_file_standardization(self) -> bool:
        return self.defects.per_file_standardization

    @property
    def shuffle_seed(self) -> int | None:
        return None if self.defects.unshuffled else super().shuffle_seed

    def plan(self, samples: int) -> Plan:
        plan = super().plan(samples)
        if not self.defects.stale_eta:
            return plan
        return replace(plan, learning_rates=stale_rates(plan.learning_rates, plan.half_cycle))

    def as_json(self) -> dict[str, Any]:
        return {**super().as_json(), "defects": self.defects.names}

    @classmethod
    def from_json(cls, fields: dict[str, Any], source: str) -> Recipe:
        """Read the output of `as_json`, also of versions in which every defect was a field of the
        recipe; without defects the result is a plain recipe."""
        fields = dict(fields)
        names = [*fields.pop("defects", ()), *(one for one in DEFECTS if fields.pop(one, False))]
        try:
            defects = Defects.of(names)
        except TypeError as error:
            raise UserError(f"{source}: unknown defects ({error})") from error
        return with_defects(Recipe.from_json(fields, source), defects)


def with_defects(recipe: Recipe, defects: Defects) -> Recipe:
    """The recipe with these defects; the recipe itself if there are none."""
    if not defects.names:
        return recipe
    plain = {field.name: getattr(recipe, field.name) for field in fields(Recipe)}
    return PublishedRecipe(**plain, defects=defects)


def stale_rates(
    rates: Float[np.ndarray, " updates"], half_cycle: int
) -> Float[np.ndarray, " updates"]:
    """Learning rates in which update t = 2 l n_s repeats the rate of update t - 1.

    Arguments:
        rates: of every update; not changed.
        half_cycle: n_s, in updates.
    """
    t = np.arange(2 * half_cycle, len(rates) + 1, 2 * half_cycle)
    stale = rates.copy()
    stale[t - 1] = rates[t - 2]
    return stale
