"""Results whose numbers are told, for what judges them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reproduction.published.cells import Cell, chosen, recipe_of_row
from reproduction.published.experiment import Row
from reproduction.published.readings import Reading
from reproduction.results import Results, Trained

EPOCHS = 20


@dataclass(frozen=True)
class Told:
    """What a training ended with.

    Arguments:
        test: accuracy in %; None for one that diverged.
        train: accuracy in %.
        cost: the whole curve of the training and of the validation cost.
        loss: likewise.
    """

    test: float | None = 50.0
    train: float = 60.0
    cost: Sequence[float] = (1.0,) * EPOCHS
    loss: Sequence[float] = (1.0,) * EPOCHS


def row_of(experiment: str, label: str) -> Row:
    """A row of the report."""
    (found,) = chosen([experiment])
    return next(row for row in found.rows if row.label == label)


def results_of(
    told: Mapping[tuple[str, str], Sequence[Told | float | None]],
    reading: Reading = "specified",
    other: Mapping[tuple[str, str], float | None] | None = None,
) -> Results:
    """Results with a training for each thing told.

    Arguments:
        told: by experiment and row, for seed 0, 1, ...; a number stands for its test accuracy.
        reading: of all.
        other: test accuracies of seed 0 with the other backend.
    """
    cells: list[Cell] = []
    trainings: dict[tuple[Any, str], Trained] = {}

    def add(place: tuple[str, str], seed: int, backend: str, what: Told) -> None:
        (experiment,) = chosen([place[0]])
        recipe = recipe_of_row(experiment, row_of(*place), reading, seed)
        cells.append(Cell(*place, reading, seed, backend, recipe))
        trainings[recipe, backend] = trained_of(recipe, backend, what)

    for place, seeds in told.items():
        for seed, what in enumerate(seeds):
            add(place, seed, "manual", what if isinstance(what, Told) else Told(test=what))
    for place, test in (other or {}).items():
        add(place, 0, "torch", Told(test=test))
    return Results(cells, trainings, {"backend": "manual"})


def trained_of(recipe: Any, backend: str, told: Told) -> Trained:
    """The outcome of one training."""
    accuracy = (told.train / 100,) * len(told.cost)
    curves = {"cost": tuple(told.cost), "loss": tuple(told.loss), "accuracy": accuracy}
    test = None if told.test is None else {"cost": 1.0, "loss": 1.0, "accuracy": told.test / 100}
    parts = {"training": curves, "validation": curves}
    return Trained(recipe, backend, parts, test, "" if test else "cost nan")
