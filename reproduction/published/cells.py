"""The trainings of a reproduction: every row of every experiment, in every reading and seed."""

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
    """One training of one row. Several cells may share a training.

    Arguments:
        experiment, row: key of the experiment and label of the row.
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
    """The experiments with these keys, in the report's order; all of them if none is given.

    Raises:
        UserError: there is no such experiment.
    """
    known = {experiment.key: experiment for experiment in EXPERIMENTS}
    for key in only:
        if key not in known:
            raise UserError(f"--only is {key!r}, but expected one of: {', '.join(known)}, ladder")
    return tuple(known[key] for key in known if key in only or not only)


def cells_of(
    experiments: Sequence[Experiment], *, seeds: int, backend: str, quick: bool = False
) -> list[Cell]:
    """All trainings of the experiments with one backend, in all readings.

    Arguments:
        seeds: number of seeds, from 0.
        quick: stop every training after two epochs.
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
    """The same, and the first seed also with the other backend if the experiment specifies it."""
    both = [experiment for experiment in experiments if experiment.both_backends]
    other = "torch" if backend == "manual" else "manual"
    return [
        *cells_of(experiments, seeds=seeds, backend=backend, quick=quick),
        *cells_of(both, seeds=1, backend=other, quick=quick),
    ]


@dataclass(frozen=True)
class Choice:
    """A choice of trainings.

    Arguments:
        only: keys of experiments; empty for all.
        row: label of a single row; None for all.
        reading: a single reading; None for both.
        seed: a single seed, trained with one backend only; None for all.
    """

    only: Sequence[str] = ()
    row: str | None = None
    reading: str | None = None
    seed: int | None = None

    def cells(self, *, seeds: int, backend: str, quick: bool = False) -> list[Cell]:
        """The chosen trainings, from `cells_of_both`, or from `cells_of` for a single seed.

        Raises:
            UserError: there is no such experiment, row, reading or seed.
        """
        experiments = chosen(self.only)
        if self.seed is None:
            cells = cells_of_both(experiments, seeds=seeds, backend=backend, quick=quick)
        else:
            seeds = max(seeds, self.seed + 1)
            cells = cells_of(experiments, seeds=seeds, backend=backend, quick=quick)
        for name in ("row", "reading", "seed"):
            wanted = getattr(self, name)
            known = dict.fromkeys(str(getattr(cell, name)) for cell in cells)
            if wanted is not None and str(wanted) not in known:
                raise UserError(f"--{name} is {wanted!r}, but expected one of: {'; '.join(known)}")
            cells = [cell for cell in cells if wanted in (None, getattr(cell, name))]
        return cells


def recipe_of_row(experiment: Experiment, row: Row, reading: Reading, seed: int) -> Recipe:
    """The recipe of a row."""
    return recipe_of({**experiment.fields, **row.fields}, reading, seed, row.as_published)


def trained(recipe: Recipe, quick: bool) -> Recipe:
    """The recipe, or with `quick` its first two epochs."""
    return replace(recipe, epochs=QUICK_EPOCHS) if quick else recipe
