"""The final choice: trained from its recipe, and only then evaluated on the test data."""

import shutil
from dataclasses import asdict
from typing import Any

from sweeps.output.folder import SweepFolder
from sweeps.study.trial import Row
from twingrad import load_backend
from twingrad.dataset import Dataset
from twingrad.errors import DivergedError, UserError
from twingrad.figures import save_curves
from twingrad.recipe import Recipe
from twingrad.run_folder import RunFolder
from twingrad.training import OnEpoch

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
    """Trains the choice in a run folder of its own, from where an interruption left it.

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
    summary = None
    if (path / "recipe.json").is_file():
        run_folder, known, _, _ = RunFolder.reopen(path)
        if known != recipe:
            raise UserError(f"{path}: holds the training of another choice; remove it")
        summary = run_folder.read_summary()
    else:
        if path.is_dir():  # it was left half made, by a kill or a full disk
            shutil.rmtree(path)
        run_folder = RunFolder.create(
            path, recipe, backend=backend, device=device, identity=dataset.identity
        )
    if not summary:
        summary = run(run_folder, recipe, dataset, backend, device, on_epoch)
    parts: dict[str, Any] = {
        part: summary[part] for part in ("training", "validation", "test") if part in summary
    }
    if not parts:
        parts = {"diverged at update": summary["update"]}
    return {"trial": row.number, "recipe": recipe.as_json(), **parts, "note": NOTE}


def run(
    folder: RunFolder,
    recipe: Recipe,
    dataset: Dataset,
    backend: str,
    device: str,
    on_epoch: OnEpoch | None,
) -> dict[str, Any]:
    """Trains and leaves what `twingrad train` leaves; the run's summary."""
    module = load_backend(backend)
    options = {"device": device} if backend == "torch" else {}
    summary: dict[str, Any]
    try:
        found = module.train(recipe, dataset, folder=folder, on_epoch=on_epoch, **options)
    except DivergedError as error:
        summary = {
            "status": "diverged",
            "backend": backend,
            "update": error.update,
            "learning_rate": error.learning_rate,
            "cost": repr(error.cost),
        }
        folder.record_summary(summary)
        return summary
    save_curves(folder.path, f"{recipe.name}, {backend}, seed {recipe.seed}", found.history)
    summary = {
        "status": "finished",
        "backend": backend,
        "data": dataset.identity["name"],
        "epochs": len(found.history),
        "updates": found.history[-1].update,
        **{part: asdict(evaluation) for part, evaluation in found.final.items()},
        "seconds": sum(epoch.seconds for epoch in found.history),
    }
    folder.finish(summary, found.parameters | found.statistics)
    return summary
