"""What a sweep found: as JSON, as CSV, as lines of a table."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sweeps.space.axes import Space
from sweeps.study.trial import Row, ranked

EVALUATED, MEASURES = ("training", "validation"), ("accuracy", "loss", "cost")


@dataclass(frozen=True)
class Results:
    """A sweep's findings.

    Arguments:
        settings: content of sweep.json.
        space: searched.
        stages: the space of each stage, narrower each time in coarse-to-fine.
        rows: every trial.
        importance: of each field, as `importance_of` says; empty where it is not known.
        chosen: what `train_chosen` returned; None where the final choice is trained elsewhere
            or the sweep has not ended.
    """

    settings: Mapping[str, Any]
    space: Space
    stages: Sequence[Space]
    rows: Sequence[Row]
    chosen: Mapping[str, Any] | None = None
    importance: Mapping[str, float] = field(default_factory=dict)

    @property
    def best(self) -> Row | None:
        """The trial with the best validation accuracy; None if none has finished."""
        return next(iter(ranked(self.rows)), None)

    def as_json(self) -> dict[str, Any]:
        """Content of results.json; accuracies are from 0 to 1, times in seconds."""
        return {
            "chosen by": "validation accuracy",
            "best": None if self.best is None else self.best.as_json(),
            "chosen": None if self.chosen is None else dict(self.chosen),
            "importance": dict(self.importance),
            "stages": [[axis.spec for axis in space] for space in self.stages],
            "trials": [row.as_json() for row in self.rows],
            "settings": dict(self.settings),
        }

    def as_csv(self) -> str:
        """A line for each trial, the best first, then those that did not finish."""
        fields = [axis.field for axis in self.space]
        measures = [f"{part} {name}" for part in EVALUATED for name in MEASURES]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["trial", "stage", "status", *fields, *measures, "epochs", "seconds"])
        for row in [*ranked(self.rows), *(row for row in self.rows if row.accuracy is None)]:
            place = (row.number, row.stage, row.status)
            writer.writerow([*place, *(row.parameters[field] for field in fields), *measured(row)])
        return text.getvalue()


def measured(row: Row) -> list[Any]:
    """The measures of a row, empty where it has none."""
    if row.outcome is None:
        return [""] * (len(EVALUATED) * len(MEASURES) + 2)
    parts = [getattr(row.outcome, part) for part in EVALUATED]
    values = [getattr(found, name, "") for found in parts for name in MEASURES]
    return [*values, row.outcome.epochs, round(row.outcome.seconds, 3)]


def table_of(results: Results, lines: int) -> tuple[list[str], list[list[tuple[str, str]]]]:
    """Headings and the best trials without repeats, for a terminal or a page.

    Each cell is its text, and the value that it is sorted by.
    """
    fields = [axis.field for axis in results.space]
    staged = len(results.stages) > 1
    headings = ["trial", *["stage"] * staged, *fields]
    headings += ["validation %", "training %", "validation loss", "seconds"]
    body = []
    for row in [row for row in ranked(results.rows) if not row.repeats][:lines]:
        outcome = row.outcome
        assert outcome is not None
        assert outcome.training is not None
        assert outcome.validation is not None
        values: list[object] = [row.number, *[row.stage] * staged]
        values += [row.parameters[field] for field in fields]
        values += [100 * outcome.validation.accuracy, 100 * outcome.training.accuracy]
        values += [outcome.validation.loss, outcome.seconds]
        body.append([(shown(value), str(value)) for value in values])
    return headings, body


def counts(results: Results) -> str:
    """How many trials ended how, such as "38 finished, 2 diverged"."""
    statuses = ["repeated" if row.repeats else row.status for row in results.rows]
    return ", ".join(f"{statuses.count(s)} {s}" for s in dict.fromkeys(sorted(statuses, key=place)))


def place(status: str) -> int:
    """Position of a status in that order."""
    return ("finished", "repeated", "pruned", "diverged", "invalid", "running").index(status)


def shown(value: object) -> str:
    """A value, with as many digits as a reader needs."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
