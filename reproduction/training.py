"""Run the trainings with the sweep engine: equal architectures in stacks, on all cores."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from reproduction.published.cells import Cell
from reproduction.results import Trained, outcome_of
from sweeps import run_recipes
from sweeps.output.progress import OnStatus
from twingrad.dataset import Dataset
from twingrad.recipe import Recipe


def train_cells(
    cells: Sequence[Cell],
    dataset_of: Callable[[Recipe], Dataset],
    folder: Path,
    *,
    devices: Sequence[str],
    processes: int | None,
    stack: int,
    on_status: OnStatus | None,
) -> Mapping[tuple[Recipe, str], Trained]:
    """Run every training once, one backend after the other.

    Arguments:
        cells: of one backend or both.
        dataset_of: loads the data of a recipe.
        folder: stores every training that ended; stored ones are not run again.
        devices: for torch.
        processes, stack: as in `run_recipes`.
        on_status: called after every epoch of a stack.

    Raises:
        UserError: as in `run_recipes`.
    """
    trained = {}
    for backend in dict.fromkeys(cell.backend for cell in cells):
        recipes = list(dict.fromkeys(cell.recipe for cell in cells if cell.backend == backend))
        for result in run_recipes(
            recipes,
            dataset_of,
            backend=backend,
            devices=devices if backend == "torch" else ("cpu",),
            processes=processes,
            stack=stack,
            on_status=on_status,
            folder=folder,
            states=False,
            curves=True,
        ):
            trained[result.recipe, backend] = outcome_of(result, backend)
    return trained
