"""Estimate how long the trainings of `twingrad reproduce` would take one after another.

    python -m benchmarks.reproduction [--results docs/reproduction/results.json] [--json FILE]

Every architecture is trained alone for two epochs with evaluation, in one thread. The faster epoch
is used for all epochs of that architecture, which reduces the effect of other programs.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

import manual_impl
import torch_impl
from reproduction.pages.bands import SAMPLES
from reproduction.results import Results
from scripts import options
from scripts.output import Output
from scripts.program import run_command
from sweeps.engine.data import form_of
from twingrad.cifar.loading import load_for
from twingrad.dataset import Dataset
from twingrad.environment import environment
from twingrad.recipe import Recipe
from twingrad.text import spell
from twingrad.threads import limit_threads
from twingrad.training import Run

EPOCHS = 2
TRAIN: dict[str, Callable[..., Run]] = {"manual": manual_impl.train, "torch": torch_impl.train}


def reproduction(
    results: Annotated[Path, typer.Option(help="The results of a reproduction.")] = Path(
        "docs/reproduction/results.json"
    ),
    data: options.Data = None,
    json: options.Json = None,
) -> None:
    """Estimate how long the trainings of a reproduction would take one after another."""
    output = Output(json, quiet=False)
    limit_threads(1)
    reproduced = Results.load(results)
    epochs: Counter[tuple[Recipe, str]] = Counter()
    for recipe, backend in reproduced.trainings:
        samples = SAMPLES if recipe.batches == 5 else 10_000 * recipe.batches
        epochs[plain(recipe), backend] += recipe.plan(samples).epochs
    seconds, datasets = 0.0, dict[object, Dataset]()
    lines = []
    for (recipe, backend), count in epochs.items():
        if form_of(recipe) not in datasets:
            datasets[form_of(recipe)] = load_for(data, recipe)
        history = TRAIN[backend](recipe, datasets[form_of(recipe)]).history
        epoch = min(one.seconds for one in history)
        seconds += epoch * count
        norm = "BN" if recipe.batch_norm else "no BN"
        name = f"{list(recipe.hidden)} {norm}, {recipe.batches} batches, {backend}"
        lines.append({"what": name, "epochs": count, "epoch_seconds": round(epoch, 3)})
        output.print(f"{name}: {epoch:.2f} s per epoch, {count} epochs")
    took = reproduced.about["training seconds"]
    output.print(
        f"one after another {spell(seconds)}, estimated; the reproduction took {spell(took)} in "
        f"{reproduced.about['processes']} processes: {seconds / took:.1f} times as fast"
    )
    output.write(
        {
            "what": "one after another, estimated from two epochs of each architecture",
            "seconds": round(seconds),
            "reproduction_seconds": took,
            "epochs": lines,
            "environment": environment(),
        }
    )


def plain(recipe: Recipe) -> Recipe:
    """A short training of the same architecture, to time an epoch."""
    return dataclasses.replace(
        Recipe(hidden=recipe.hidden, normalization=recipe.normalization, batches=recipe.batches),
        epochs=EPOCHS,
    )


if __name__ == "__main__":
    run_command(reproduction)
