"""The final choice: trained again from its recipe, and only then evaluated on the test data."""

import contextlib
import shutil
from typing import Any

from sweeps.output.folder import SweepFolder
from twingrad.dataset import Dataset
from twingrad.errors import DivergedError, UserError
from twingrad.recipe import Recipe
from twingrad.run_folder import RunFolder
from twingrad.running import train_in_folder
from twingrad.training import PARTS, OnEpoch

NOTE = (
    "chosen by validation accuracy alone; the test accuracy was computed once, after the choice, "
    "with a network trained again from the chosen recipe"
)


def train_chosen(
    folder: SweepFolder,
    number: int,
    recipe: Recipe,
    dataset: Dataset,
    on_epoch: OnEpoch | None = None,
) -> dict[str, Any]:
    """Train the choice in a run folder of its own; continue a training that was interrupted.

    Arguments:
        folder: of the sweep; the run folder is its `chosen`.
        number, recipe: of the chosen trial.
        dataset: with the test data.
        on_epoch: called after every epoch.

    Returns:
        JSON-ready: the trial, its recipe, and the evaluations of all three parts or the update at
        which the training diverged.

    Raises:
        UserError: `chosen` holds another training.
    """
    path, backend = folder.path / "chosen", folder.setup.backend
    device = folder.setup.devices[0]
    if (path / "recipe.json").is_file():
        run_folder, known, _, _ = RunFolder.reopen(path)
        if known != recipe:
            raise UserError(f"{path}: holds the training of another choice; remove it")
    else:
        if path.is_dir():  # a kill or a full disk left it incomplete
            shutil.rmtree(path)
        run_folder = RunFolder.create(
            path, recipe, backend=backend, device=device, identity=dataset.identity
        )
    if not run_folder.read_summary():
        (path / "summary.json").unlink(missing_ok=True)
        options = {"device": device} if backend == "torch" else {}
        with contextlib.suppress(DivergedError):  # the summary has it
            train_in_folder(
                run_folder, recipe, dataset, backend=backend, on_epoch=on_epoch, **options
            )
    summary = run_folder.read_summary() or {}
    parts: dict[str, Any] = {part: summary[part] for part in PARTS if part in summary}
    if not parts:
        parts = {"diverged at update": summary["update"]}
    return {"trial": number, "recipe": recipe.as_json(), **parts, "note": NOTE}
