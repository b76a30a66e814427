"""A rung of the ladder as data: the settings it tries, and the rung it is compared with."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from twingrad.recipe import Recipe

Fields = Mapping[str, Any]

START: Fields = {
    "hidden": (150, 50),
    "initialization": "xavier",
    "penalty": 0.0051,
    "eta_min": 1e-4,
    "eta_max": 0.1,
    "cycles": 2,
}
"""The report's best network, 55.28 % in one run: batch norm, 2 cycles of 10 epochs."""

MANY_SEEDS, FEW_SEEDS, SMALL = 5, 3, 400
"""Number of seeds for hidden layers of up to 400 units, and for wider ones."""

Variant = Literal["last", "precise", "cycle-average", "fall-average", "snapshots"]
"""What is evaluated: "last", the last parameters; "precise", the same with the statistics of the
whole training set (precise batch norm); "cycle-average" and "fall-average", the mean of the
parameters at the ends of the last cycle's epochs, or of those in its second half, while the
learning rate falls; "snapshots", the ensemble of the networks at the ends of all cycles."""

Group = Literal["alone", "together", "best"]


@dataclass(frozen=True)
class Setting:
    """A recipe, and how its trainings are evaluated.

    Arguments:
        label: distinguishes it from the rung's other settings; "" if it is the only one.
        fields: fields of the recipe that differ from the start.
        variant: the parameters that are evaluated.
        flips: whether predictions are averaged over each image and its mirror image.
    """

    label: str
    fields: Fields
    variant: Variant = "last"
    flips: bool = False

    def recipe(self, seed: int) -> Recipe:
        """The recipe."""
        return Recipe(**{**START, **self.fields}, seed=seed)

    @cached_property
    def training(self) -> str:
        """The name of its trainings; settings that differ only in the evaluation share them."""
        recipe, start = self.recipe(0), Recipe(**START)
        words = [
            f"{field.name}={plain(getattr(recipe, field.name))}"
            for field in dataclasses.fields(Recipe)
            if getattr(recipe, field.name) != getattr(start, field.name)
        ]
        return ",".join(words) or "start"

    @property
    def seeds(self) -> int:
        """The number of trainings over which its numbers are averaged."""
        return MANY_SEEDS if max(self.recipe(0).hidden) <= SMALL else FEW_SEEDS

    @property
    def evaluation(self) -> str:
        """The name of its evaluation."""
        return self.variant + ("+flips" if self.flips else "")


def plain(value: Any) -> str:
    """A field's value as part of a file name."""
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)


@dataclass(frozen=True)
class Rung:
    """One remedy, or several together.

    Arguments:
        key: its name on the command line.
        title: for people.
        settings: the settings from which one is chosen by validation accuracy.
        against: the rung that its gain is relative to; "" for the start itself.
        group: "alone" for one change of the start, "together" for several, "best" for the best
            network that two cores can train in a night.
        twins: number of seeds that are trained with both backends; more than one if the first
            seeds were further apart than seeds usually are.
    """

    key: str
    title: str
    settings: tuple[Setting, ...]
    against: str = "start"
    group: Group = "alone"
    twins: int = 1

    @property
    def trainings(self) -> list[str]:
        """The names of its trainings, without duplicates."""
        return list(dict.fromkeys(setting.training for setting in self.settings))


def rung(
    key: str,
    title: str,
    *settings: Setting | Fields,
    against: str = "start",
    group: Group = "alone",
    common: Fields | None = None,
    twins: int = 1,
) -> Rung:
    """A rung whose settings are given, and labelled, by their fields.

    Arguments:
        against, group, twins: as in `Rung`.
        common: fields of all settings; not part of the labels.
    """
    made = [
        one if isinstance(one, Setting) else Setting(label_of(one), {**(common or {}), **one})
        for one in settings
    ]
    return Rung(key, title, tuple(made), against, group, twins)


def label_of(fields: Fields) -> str:
    """Fields for people: "dropout 0.1, eta_max 0.05"."""
    words = []
    for name, value in fields.items():
        if isinstance(value, bool):
            words.append(name if value else f"no {name}")
        else:
            words.append(f"{name} {plain(value)}")
    return ", ".join(words)
