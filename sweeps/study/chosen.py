"""The final choice: trained from its recipe, and only then evaluated on the test data."""

import contextlib
import shutil
from typing import Any

from sweeps.output.folder import SweepFolder
from sweeps.study.trial import Row
from twingrad.dataset import Dataset
from twingrad.errors import DivergedError, UserError
from twingrad.recipe import Recipe
from twingrad.run_folder import RunFolder
from twingrad.running import train_in_folder
from twingrad.training import PARTS, OnEpoch

NOTE = (
    "chosen by validation accuracy alone; the test accuracy was computed once, after the choice, "
    "of a network trained anew from the chosen recipe"
)


def train_chosen(
    folder: SweepFolder,
    row: Row,
    recipe: Recipe,
    dataset: Dataset,
    on_epoch: OnEpoch | None = None,
) -> dict[str, Any]:
    """Train the choice in a run folder of its own, from where an interruption left it.

    Arguments:
        folder: of the sweep; the run is its `chosen`.
        row: the chosen trial.
        recipe: its recipe.
        dataset: whole, with the test data.
        on_epoch: for progress.

    Returns:
        JSON-ready: trial, recipe, evaluation of all three parts, and what the test accuracy is.
    """
    path, backend = folder.path / "chosen", folder.settings["backend"]
    device = folder.settings["devices"][0]
    if (path / "recipe.json").is_file():
        run_folder, known, _, _ = RunFolder.reopen(path)
        if known != recipe:
            raise UserError(f"{path}: holds the training of another choice; remove it")
    else:
        if path.is_dir():  # left incomplete by a kill or a full disk
            shutil.rmtree(path)
        run_folder = RunFolder.create(
            path, recipe, backend=backend, device=device, identity=dataset.identity
        )
    if not run_folder.read_summary():
        (path / "summary.json").unlink(missing_ok=True)
        options = {"device": device} if backend == "torch" else {}
        with contextlib.suppress(DivergedError):  # the summary says so
            train_in_folder(
                run_folder, recipe, dataset, backend=backend, on_epoch=on_epoch, **options
            )
    summary = run_folder.read_summary() or {}
    parts = {part: summary[part] for part in PARTS if part in summary}
    if not parts:
        parts = {"diverged at update": summary["update"]}
    return {"trial": row.number, "recipe": recipe.as_json(), **parts, "note": NOTE}
