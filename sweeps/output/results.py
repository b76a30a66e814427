"""The results of a sweep, as JSON, as CSV and as a table. Rows are read one at a time, so that a
million of them fit into memory."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sweeps.space.axes import Space, Value
from sweeps.study.trial import Row, best_of
from twingrad.files import write_pieces

EVALUATED, MEASURES = ("training", "validation"), ("accuracy", "loss", "cost")
STATUSES = ("finished", "repeated", "pruned", "diverged", "invalid", "running")


@dataclass(frozen=True)
class Results:
    """The results of a sweep.

    Arguments:
        settings: content of sweep.json.
        space: the fields searched.
        stages: the space of each stage.
        rows: every trial.
        chosen: as `train_chosen` returns it; None if the sweep has not ended or another process
            trains the final choice.
        importance: of each field, as `importance_of` returns it.
    """

    settings: Mapping[str, Any]
    space: Space
    stages: Sequence[Space]
    rows: Sequence[Row]
    chosen: Mapping[str, Any] | None = None
    importance: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def best(self) -> Row | None:
        """The trial with the best validation accuracy; None if none has finished."""
        return next(iter(best_of(self.rows)), None)

    @cached_property
    def counts(self) -> str:
        """How the trials ended, such as "38 finished, 2 diverged"."""
        count = dict.fromkeys(STATUSES, 0)
        for row in self.rows:
            count["repeated" if row.repeats else row.status] += 1
        return ", ".join(f"{number} {status}" for status, number in count.items() if number)

    def as_json(self) -> dict[str, Any]:
        """Content of results.json; accuracies are from 0 to 1, times in seconds."""
        return {**self._head(), "trials": [row.as_json() for row in self.rows]}

    def _head(self) -> dict[str, Any]:
        return {
            "chosen by": "validation accuracy",
            "best": None if self.best is None else self.best.as_json(),
            "chosen": None if self.chosen is None else dict(self.chosen),
            "importance": dict(self.importance),
            "stages": [[axis.spec for axis in space] for space in self.stages],
            "settings": dict(self.settings),
        }

    def json_lines(self) -> Iterator[str]:
        """The text of results.json, with a line for each trial."""
        yield "{\n"
        for key, value in self._head().items():
            yield f"  {json.dumps(key)}: {json.dumps(value, allow_nan=False)},\n"
        yield '  "trials": ['
        for i, row in enumerate(self.rows):
            yield f"{',' if i else ''}\n    {json.dumps(row.as_json(), allow_nan=False)}"
        yield "\n  ]\n}\n"

    def csv_lines(self) -> Iterator[str]:
        """The text of results.csv: finished trials, the best first, then the others."""
        fields = [axis.field for axis in self.space]
        measures = [f"{part} {name}" for part in EVALUATED for name in MEASURES]
        yield csv_line(["trial", "stage", "status", *fields, *measures, "epochs", "seconds"])
        found = (row.accuracy for row in self.rows)
        accuracies = np.fromiter((-1.0 if one is None else one for one in found), float)
        for i in np.argsort(-accuracies, kind="stable"):
            row = self.rows[i]
            values = [row.parameters[field] for field in fields]
            yield csv_line([row.number, row.stage, row.status, *values, *measured(row)])

    def best_distinct(self, count: int) -> list[Row]:
        """The best trials, without those that repeat another."""
        return best_of((row for row in self.rows if not row.repeats), count)


def measured(row: Row) -> list[Any]:
    """The cells of a row after its values; empty if it has no evaluation."""
    if row.outcome is None:
        return [""] * (len(EVALUATED) * len(MEASURES) + 2)
    parts = [getattr(row.outcome, part) for part in EVALUATED]
    values = [getattr(found, name, "") for found in parts for name in MEASURES]
    return [*values, row.outcome.epochs, round(row.outcome.seconds, 3)]


def table_of(results: Results, lines: int) -> tuple[list[str], list[list[tuple[str, str]]]]:
    """Make a table of the best trials.

    Returns:
        The headings and the rows. A cell is its text and the value that it is sorted by.
    """
    fields = [axis.field for axis in results.space]
    staged = len(results.stages) > 1
    headings = ["trial", *["stage"] * staged, *fields]
    headings += ["validation %", "training %", "validation loss", "seconds"]
    body = []
    for row in results.best_distinct(lines):
        outcome = row.outcome
        assert outcome is not None
        assert outcome.training is not None
        assert outcome.validation is not None
        values: list[Value] = [row.number, *[row.stage] * staged]
        values += [row.parameters[field] for field in fields]
        values += [100 * outcome.validation.accuracy, 100 * outcome.training.accuracy]
        values += [outcome.validation.loss, outcome.seconds]
        body.append([(shown(value), str(value)) for value in values])
    return headings, body


def shown(value: object) -> str:
    """A value as text, floats with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def point(row: Row) -> str:
    """The parameters of a trial as text."""
    return ", ".join(f"{field} {shown(value)}" for field, value in row.parameters.items())


def csv_line(values: Sequence[Any]) -> str:
    """One line of a CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def write_numbers(folder: Path, results: Results) -> None:
    """Write results.json and results.csv; OSError if one cannot be written."""
    write_pieces(folder / "results.json", map(str.encode, results.json_lines()))
    write_pieces(folder / "results.csv", map(str.encode, results.csv_lines()))
