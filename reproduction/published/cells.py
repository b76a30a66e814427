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
            raise UserError(f"--only is {key!r}, but there are only: {', '.join(known)}, ladder")
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


@dataclass(frozen=True)
class Choice:
    """Which trainings of the experiments are run.

    Arguments:
        only: keys of experiments; none for all.
        row: label of the one row; None for all.
        reading: the one reading; None for all.
        seed: the one seed, trained with one backend alone; None for all.
    """

    only: Sequence[str] = ()
    row: str | None = None
    reading: str | None = None
    seed: int | None = None

    def cells(self, *, seeds: int, backend: str, quick: bool = False) -> list[Cell]:
        """The trainings; as in `cells_of_both`, or in `cells_of` where one seed was named.

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
                raise UserError(f"--{name} is {wanted!r}, but there are only: {'; '.join(known)}")
            cells = [cell for cell in cells if wanted in (None, getattr(cell, name))]
        return cells


def recipe_of_row(experiment: Experiment, row: Row, reading: Reading, seed: int) -> Recipe:
    """What a row trains."""
    return recipe_of({**experiment.fields, **row.fields}, reading, seed, row.as_published)


def trained(recipe: Recipe, quick: bool) -> Recipe:
    """The recipe, or its first two epochs."""
    return replace(recipe, epochs=QUICK_EPOCHS) if quick else recipe
