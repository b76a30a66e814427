"""Train in a run folder: start, continue, or read a finished run."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from twingrad import load_backend
from twingrad.dataset import Dataset
from twingrad.errors import DivergedError, UserError
from twingrad.figures import save_curves, save_range, titled
from twingrad.history import Evaluation
from twingrad.optional import module_if_there
from twingrad.range_test import judge_range
from twingrad.recipe import Recipe
from twingrad.run_folder import RunFolder, damage_reported
from twingrad.training import PARTS, OnEpoch, Run

resource = module_if_there("resource")


def train_in_folder(
    folder: RunFolder,
    recipe: Recipe,
    dataset: Dataset,
    *,
    backend: str,
    on_epoch: OnEpoch | None,
    **options: Any,
) -> Run:
    """Train from the folder's checkpoint, or from the start; write the summary and figures.

    Arguments:
        folder: of the run; a finished run is read, not repeated.
        recipe, dataset, backend: those of the folder.
        on_epoch: called after every epoch, if given.
        options: device and switches of the torch backend.

    Raises:
        DivergedError: the cost became NaN or infinite; the summary says at which update, and a
            range test is still drawn.
    """
    folder.require_same_data(dataset.identity)
    if (finished := finished_run(folder, recipe)) is not None:
        return finished
    label = f"{titled(recipe)}, {backend}, seed {recipe.seed}"
    try:
        train: Callable[..., Run] = load_backend(backend).train
        run = train(recipe, dataset, folder=folder, on_epoch=on_epoch, **options)
    except DivergedError as error:
        summary = {
            "status": "diverged",
            "backend": backend,
            "update": error.update,
            "learning_rate": error.learning_rate,
            "cost": repr(error.cost),
        }
        costs = [*costs_in(folder), *error.costs]
        folder.record_summary(summary | range_test(folder, recipe, dataset, costs, label))
        raise
    save_curves(folder.path, label, run.history)
    entry = range_test(folder, recipe, dataset, costs_in(folder), label)
    folder.finish(summarise(run, backend, dataset) | entry, run.parameters | run.statistics)
    return run


def costs_in(folder: RunFolder) -> list[float]:
    """The cost of every minibatch of the folder's epochs."""
    return [cost for epoch in folder.read_history() for cost in epoch.costs]


def range_test(
    folder: RunFolder, recipe: Recipe, dataset: Dataset, costs: Sequence[float], label: str
) -> dict[str, Any]:
    """Draw the result of a learning-rate range test; return its entry of the summary.

    With any other schedule, draw nothing and return nothing.
    """
    if recipe.schedule != "range":
        return {}
    rates = recipe.plan_for(dataset).learning_rates[: len(costs)]
    result = judge_range(rates, np.array(costs))
    save_range(folder.path, label, result)
    return {"range": {"falls_fastest": result.falls_fastest, "rises_from": result.rises_from}}


def summarise(run: Run, backend: str, dataset: Dataset) -> dict[str, Any]:
    """The content of `summary.json` and `train --json`; accuracies in 0..1, times in seconds."""
    return {
        "status": "finished",
        "backend": backend,
        "data": dataset.identity["name"],
        "epochs": len(run.history),
        "updates": run.history[-1].update,
        **{part: vars(evaluation) for part, evaluation in run.final.items()},
        "seconds": sum(epoch.seconds for epoch in run.history),
        "peak_memory_mb": peak_memory_mb(),
    }


def peak_memory_mb() -> float | None:
    """The process's peak resident memory in MB; None if the system does not report it."""
    if resource is None:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in KiB, on macOS in bytes
    return round(peak * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)


def finished_run(folder: RunFolder, recipe: Recipe) -> Run | None:
    """The run in the folder; None if it is not finished.

    Raises:
        UserError: it diverged, so it cannot be continued.
    """
    summary = folder.read_summary()
    if summary is None:
        return None
    if summary.get("status") == "diverged":
        raise UserError(
            f"--out {folder.path}: the run diverged at update {summary.get('update')} and cannot "
            "be continued; name another folder or give --overwrite"
        )
    if summary.get("status") != "finished":
        raise UserError(f"{folder.path / 'summary.json'}: has no status; train anew")
    state = folder.read_state()
    names = [name for name in state if name.startswith(("mu", "v"))]
    with damage_reported(folder.path / "summary.json"):
        final = {part: Evaluation.from_json(summary[part]) for part in PARTS}
    return Run(
        recipe=recipe,
        history=folder.read_history(),
        final=final,
        parameters={name: value for name, value in state.items() if name not in names},
        statistics={name: state[name] for name in names},
    )
