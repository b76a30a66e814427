"""What is to be trained: every row of every experiment, in its readings, with every seed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reproduction.published.experiment import Experiment, Row
from reproduction.published.experiments import EXPERIMENTS
from reproduction.published.readings import Reading, recipe_of
from twingrad.errors import UserError
from twingrad.recipe import Recipe

QUICK_EPOCHS = 2


@dataclass(frozen=True)
class Cell:
    """One training of one row. Several cells may be the same training.

    Arguments:
        experiment, row: key and label.
        reading: of the report.
        seed, backend, recipe: of the training.
    """

    experiment: str
    row: str
    reading: Reading
    seed: int
    backend: str
    recipe: Recipe


def chosen(only: Sequence[str]) -> tuple[Experiment, ...]:
    """The experiments of these keys, in the report's order; all of them for none.

    Raises:
        UserError: there is no such experiment.
    """
    known = {experiment.key: experiment for experiment in EXPERIMENTS}
    for key in only:
        if key not in known:
            raise UserError(f"--only is {key!r}, but there are only: {', '.join(known)}")
    return tuple(known[key] for key in known if key in only or not only)


def cells_of(
    experiments: Sequence[Experiment], *, seeds: int, backend: str, quick: bool = False
) -> list[Cell]:
    """All trainings of the experiments with one backend, the report's readings side by side.

    Arguments:
        seeds: 0 to seeds - 1.
        quick: stops every training after two epochs.
    """
    return [
        Cell(experiment.key, row.label, reading, seed, backend, trained(recipe, quick))
        for experiment in experiments
        for row in experiment.rows
        for reading in experiment.readings
        for seed in range(experiment.seeds or seeds)
        for recipe in [recipe_of_row(experiment, row, reading, seed)]
    ]


def cells_of_both(
    experiments: Sequence[Experiment], *, seeds: int, backend: str, quick: bool = False
) -> list[Cell]:
    """The same, and the first seed with the other backend too, where an experiment asks for it."""
    both = [experiment for experiment in experiments if experiment.both_backends]
    other = "torch" if backend == "manual" else "manual"
    return [
        *cells_of(experiments, seeds=seeds, backend=backend, quick=quick),
        *cells_of(both, seeds=1, backend=other, quick=quick),
    ]


def recipe_of_row(experiment: Experiment, row: Row, reading: Reading, seed: int) -> Recipe:
    """What a row trains."""
    return recipe_of({**experiment.fields, **row.fields}, reading, seed, row.as_published)


def trained(recipe: Recipe, quick: bool) -> Recipe:
    """The recipe, or its first two epochs."""
    return replace(recipe, epochs=QUICK_EPOCHS) if quick else recipe
