"""The whole reproduction: trainings, then results, figures and pages."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from reproduction.folder import RESULTS, TRAININGS, add_seconds, prepare, seconds_so_far
from reproduction.pages.writing import write_pages
from reproduction.published.cells import Choice
from reproduction.results import Results
from reproduction.training import train_cells
from sweeps.engine.data import Form, form_of
from sweeps.engine.disk import disk_reported
from sweeps.engine.execution import require_trainers
from sweeps.output.progress import OnStatus
from sweeps.space.defaults import checked
from twingrad.dataset import Dataset
from twingrad.environment import environment
from twingrad.recipe import Recipe


def reproduce(
    dataset_of: Callable[[Recipe], Dataset],
    folder: Path,
    *,
    choice: Choice | None = None,
    seeds: int = 5,
    backend: str = "manual",
    devices: Sequence[str] = ("cpu",),
    processes: int | None = None,
    stack: int | None = None,
    quick: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    on_status: OnStatus | None = None,
) -> Results:
    """Run all trainings that the folder does not hold yet, and write results, figures and pages.

    Arguments:
        dataset_of: loads the data of a recipe.
        folder: for trainings, results and pages.
        choice: which trainings; None for all.
        seeds: trainings of every setting with the backend; the other backend trains the first.
        backend: "manual" or "torch".
        devices: for torch; the processes use them in turn.
        processes, stack: as in `run_recipes`.
        quick: stop every training after two epochs.
        resume, overwrite: what to do if the folder is not empty.
        on_status: called after every epoch of a stack.

    Raises:
        UserError: the experiment, row, reading, seed or backend is unknown; the folder cannot be
            used; or as in `run_recipes`.
    """
    choice = choice or Choice()
    cells = choice.cells(seeds=seeds, backend=backend, quick=quick)
    processes, stack = checked(processes, stack, devices)
    datasets: dict[Form, Dataset] = {}

    def cached_dataset(recipe: Recipe) -> Dataset:
        if form_of(recipe) not in datasets:
            datasets[form_of(recipe)] = dataset_of(recipe)
        return datasets[form_of(recipe)]

    for one in dict.fromkeys(cell.backend for cell in cells):
        require_trainers(one, devices if one == "torch" else ("cpu",))  # fail before training
    prepare(folder, resume=resume, overwrite=overwrite)
    started = time.monotonic()
    with disk_reported(folder):
        try:
            trainings = train_cells(
                cells,
                cached_dataset,
                folder / TRAININGS,
                devices=devices,
                processes=processes,
                stack=stack,
                on_status=on_status,
            )
        finally:
            add_seconds(folder, time.monotonic() - started)
    identity = next(iter(datasets.values())).identity
    about = {
        **asdict(choice),
        "only": list(choice.only),
        "backend": backend,
        "seeds": seeds if choice.seed is None else 1,
        "quick": quick,
        "processes": processes,
        "training seconds": round(seconds_so_far(folder)),
        "data": {key: identity.get(key) for key in ("name", "digest", "official", "synthetic")},
        "environment": environment(devices[0]),
    }
    results = Results(cells, trainings, about)
    with disk_reported(folder):
        results.save(folder / RESULTS)
        write_pages(results, folder)
    return results
