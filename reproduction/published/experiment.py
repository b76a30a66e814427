"""An experiment of the report as data: what it varies, and what the report printed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reproduction.published.readings import READINGS, Reading


@dataclass(frozen=True)
class Row:
    """A network of an experiment: a line of a table, or a figure.

    Arguments:
        label: as the report names it.
        fields: of the recipe, beside the experiment's.
        test: the published test accuracy in %, None where there is none.
        train: the published training accuracy in %.
        figure: key of the published curve in `figures.json`.
        as_published: fields that only the report's code had so.
    """

    label: str
    fields: Mapping[str, Any]
    test: float | None = None
    train: float | None = None
    figure: str | None = None
    as_published: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """A table, or what stands for one.

    Arguments:
        key: its name on the command line.
        title: a heading.
        about: what is asked of it, a sentence or two.
        fields: of the recipe, common to all rows.
        rows: the networks.
        source: "report" for what it printed, "assignment" for what it left out, "ours" for what
            tests an explanation.
        readings: in which it is run.
        both_backends: whether a seed of it is run with the other backend too.
        seeds: run with so many, whatever is asked for; None for as many as are.
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
