"""An experiment as data: its settings, and the report's numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reproduction.published.readings import READINGS, Reading


@dataclass(frozen=True)
class Row:
    """One setting of an experiment: a row of a table, or a figure.

    Arguments:
        label: the report's name for it.
        fields: fields of the recipe in addition to the experiment's.
        test: published test accuracy in %, or None.
        train: published training accuracy in %, or None.
        figure: key of the published curve in `figures.json`, or None.
        as_published: fields that differ in the published reading only.
    """

    label: str
    fields: Mapping[str, Any]
    test: float | None = None
    train: float | None = None
    figure: str | None = None
    as_published: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """A table of the report, or an additional experiment.

    Arguments:
        key: its name on the command line.
        title: its heading.
        about: its description, a sentence or two.
        fields: fields of the recipe that all rows share.
        rows: its settings.
        source: "report"; "assignment" for what the report omits; "ours" for tests of explanations.
        readings: the readings in which it is run.
        both_backends: whether its first seed is also run with the other backend.
        seeds: a fixed number of seeds; None for the requested number.
    """

    key: str
    title: str
    about: str
    fields: Mapping[str, Any]
    rows: tuple[Row, ...]
    source: str = "report"
    readings: tuple[Reading, ...] = READINGS
    both_backends: bool = True
    seeds: int | None = None
