"""The results of all trainings: setting, seed, reading, backend and curves."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reproduction.published.cells import Cell
from reproduction.published.defects import PublishedRecipe
from reproduction.published.readings import Reading
from twingrad.errors import UserError
from twingrad.files import write_whole
from twingrad.history import Part
from twingrad.recipe import Recipe
from twingrad.training import Diverged, Run

QUANTITIES = ("cost", "loss", "accuracy")
DIGITS = 6
"""Significant digits that are stored."""

Curve = tuple[float, ...]


@dataclass(frozen=True)
class Trained:
    """The result of one training.

    Arguments:
        recipe, backend: of the training.
        curves: {"training" | "validation": {"cost" | "loss" | "accuracy": value per epoch}};
            accuracies from 0 to 1. Shorter if the training diverged.
        test: final cost, loss and accuracy; None if it diverged.
        diverged: how it diverged, "" if it did not.
    """

    recipe: Recipe
    backend: str
    curves: Mapping[str, Mapping[str, Curve]]
    test: Mapping[str, float] | None
    diverged: str = ""

    def end(self, part: Part, quantity: str) -> float | None:
        """The final value of a quantity; None if the training diverged."""
        if self.test is None:
            return None
        return self.test[quantity] if part == "test" else self.curves[part][quantity][-1]

    @property
    def test_accuracy(self) -> float | None:
        """The final test accuracy in %; None if the training diverged."""
        accuracy = self.end("test", "accuracy")
        return None if accuracy is None else 100 * accuracy


def outcome_of(result: Run | Diverged, backend: str) -> Trained:
    """The record of a training that ended."""
    curves = {
        part: {
            quantity: tuple(
                rounded(getattr(getattr(epoch, part), quantity)) for epoch in result.history
            )
            for quantity in QUANTITIES
        }
        for part in ("training", "validation")
    }
    if isinstance(result, Diverged):
        how = f"cost {result.cost} at update {result.update}, eta {result.learning_rate:.3g}"
        return Trained(result.recipe, backend, curves, None, how)
    test = {quantity: rounded(getattr(result.final["test"], quantity)) for quantity in QUANTITIES}
    return Trained(result.recipe, backend, curves, test)


def rounded(value: float) -> float:
    """Round to the digits that are stored."""
    return float(f"{value:.{DIGITS}g}")


@dataclass(frozen=True)
class Results:
    """Every cell with its training, and a description of the reproduction.

    Arguments:
        cells: those whose training has ended.
        trainings: by recipe and backend.
        about: options, machine, versions, data and seconds, ready for JSON.
    """

    cells: Sequence[Cell]
    trainings: Mapping[tuple[Recipe, str], Trained]
    about: Mapping[str, Any]

    def of(
        self, experiment: str, row: str, reading: Reading, backend: str | None = None
    ) -> list[Trained]:
        """A row's trainings in order of seeds; default: with the main backend."""
        cells = self.cells_of(experiment, row, reading, backend)
        return [self.trainings[cell.recipe, cell.backend] for cell in cells]

    def cells_of(
        self, experiment: str, row: str, reading: Reading, backend: str | None = None
    ) -> list[Cell]:
        """A row's cells in order of seeds; default: with the main backend."""
        backend = backend or self.about["backend"]
        cells = [
            cell
            for cell in self.cells
            if (cell.experiment, cell.row, cell.reading, cell.backend)
            == (experiment, row, reading, backend)
        ]
        return sorted(cells, key=lambda cell: cell.seed)

    def save(self, path: Path) -> None:
        """Write JSON with one line for every training and every cell.

        Trainings are numbered as the cells come, whichever ended first.
        """
        keys = [(cell.recipe, cell.backend) for cell in self.cells]
        ordered = dict.fromkeys((*keys, *self.trainings))
        numbers = {key: number for number, key in enumerate(ordered)}
        runs = [run_as_json(number, self.trainings[key]) for key, number in numbers.items()]
        cells = [
            {
                "experiment": cell.experiment,
                "row": cell.row,
                "reading": cell.reading,
                "seed": cell.seed,
                "backend": cell.backend,
                "run": numbers[cell.recipe, cell.backend],
            }
            for cell in self.cells
        ]
        text = "{\n" + f'"about": {json.dumps(self.about, indent=2)},\n'
        text += f'"cells": {lines_of(cells)},\n"runs": {lines_of(runs)}\n' + "}\n"
        write_whole(path, text.encode())

    @classmethod
    def load(cls, path: Path) -> "Results":
        """Read a file that `save` wrote.

        Raises:
            UserError: it cannot be read.
        """
        try:
            fields = json.loads(path.read_text())
            runs = [run_from_json(run, str(path)) for run in fields["runs"]]
            cells = [
                Cell(**{**cell, "recipe": runs[number].recipe})
                for cell in fields["cells"]
                for number in [cell.pop("run")]
            ]
        except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise UserError(f"{path}: holds no results of a reproduction ({error})") from error
        return cls(cells, {(run.recipe, run.backend): run for run in runs}, fields["about"])


def lines_of(rows: Iterable[Any]) -> str:
    """A JSON list with one line for each item."""
    return "[\n" + ",\n".join(json.dumps(row, allow_nan=False) for row in rows) + "\n]"


def run_as_json(number: int, run: Trained) -> dict[str, Any]:
    """A training for JSON, with only the fields of its recipe that differ from the defaults."""
    plain = Recipe().as_json()
    fields = {k: v for k, v in run.recipe.as_json().items() if k not in plain or v != plain[k]}
    return {
        "run": number,
        "backend": run.backend,
        "recipe": fields,
        "diverged": run.diverged,
        "test": run.test,
        **{part: dict(curves) for part, curves in run.curves.items()},
    }


def run_from_json(fields: dict[str, Any], source: str) -> Trained:
    """The training that `run_as_json` described."""
    recipe = PublishedRecipe.from_json({**Recipe().as_json(), **fields["recipe"]}, source)
    curves = {
        part: {quantity: tuple(values) for quantity, values in fields[part].items()}
        for part in ("training", "validation")
    }
    return Trained(recipe, fields["backend"], curves, fields["test"], fields["diverged"])
