"""Train the report's four baselines with several seeds in both backends, for docs/baselines.

    python -m benchmarks.baselines --seeds 8 --runs runs/baselines --out docs/baselines

A training takes about 17 s (manual) or 25 s (torch) on one core. Repeating an interrupted call
continues it.
"""

import dataclasses
import statistics
from pathlib import Path
from typing import Annotated, Any

import typer

from reproduction.published.report import BASELINES
from scripts import options
from scripts.output import Output
from scripts.program import run_command
from twingrad import BACKENDS, load_backend
from twingrad.cifar.loading import load_dataset
from twingrad.dataset import Dataset
from twingrad.environment import environment
from twingrad.figures import curves_figure
from twingrad.files import write_json, write_whole
from twingrad.recipe import Recipe, preset
from twingrad.run_folder import RunFolder, make_folder
from twingrad.running import train_in_folder
from twingrad.threads import limit_threads
from twingrad.training import Run

EXPECTED = {
    ("three-layer", False): "51.5-54.5",
    ("three-layer", True): "51.5-54.5",
    ("nine-layer", False): "46-50.5",
    ("nine-layer", True): "50-53",
}
PUBLISHED = dict(zip(EXPECTED, (row.test for row in BASELINES.rows), strict=True))


def baselines(
    seeds: Annotated[int, typer.Option(help="Number of seeds, from 0.")] = 8,
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("runs/baselines"),
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("docs/baselines"),
    data: options.Data = None,
) -> None:
    """Train the baselines and write README.md, results.json and figures."""
    output = Output(None, quiet=False)
    for backend in BACKENDS:
        load_backend(backend)
    limit_threads(1)
    dataset = load_dataset(data)
    output.print(dataset.identity["description"])
    make_folder(out)
    make_folder(runs)
    results = []
    for (name, batch_norm), expected in EXPECTED.items():
        by_backend: dict[str, list[Run]] = {backend: [] for backend in BACKENDS}
        for seed in range(seeds):
            recipe = dataclasses.replace(
                preset(name), normalization="batch" if batch_norm else "none", seed=seed
            )
            for backend in BACKENDS:
                by_backend[backend].append(train_one(recipe, backend, dataset, runs, output))
        for backend, trained in by_backend.items():
            results.append(summary(name, batch_norm, backend, expected, trained))
        draw(out, name, batch_norm, by_backend)
    write_json(out / "results.json", {"environment": environment(), "results": results})
    write_whole(out / "README.md", page(results, seeds).encode())


def train_one(recipe: Recipe, backend: str, dataset: Dataset, runs: Path, output: Output) -> Run:
    """Train in a separate folder; continue an interrupted run, read a finished one."""
    norm = "bn" if recipe.batch_norm else "nobn"
    path = runs / f"{recipe.name}-{norm}-{backend}-seed{recipe.seed}"
    if (path / "recipe.json").exists():
        folder = RunFolder.reopen(path)[0]
    else:
        folder = RunFolder.create(
            path, recipe, backend=backend, device="cpu", identity=dataset.identity
        )
    run = train_in_folder(
        folder, recipe, dataset, backend=backend, on_epoch=lambda epoch, epochs: None
    )
    output.print(f"{path.name}: test accuracy {100 * run.final['test'].accuracy:.2f} %")
    return run


def summary(
    name: str, batch_norm: bool, backend: str, expected: str, runs: list[Run]
) -> dict[str, Any]:
    """Final test accuracies of one baseline in one backend, in percent."""
    accuracies = [100 * run.final["test"].accuracy for run in runs]
    return {
        "preset": name,
        "batch_norm": batch_norm,
        "backend": backend,
        "published": PUBLISHED[name, batch_norm],
        "expected": expected,
        "test_accuracies": accuracies,
        "mean": statistics.mean(accuracies),
        "sd": statistics.stdev(accuracies) if len(accuracies) > 1 else None,
        "median": statistics.median(accuracies),
        "seconds": statistics.median(sum(e.seconds for e in run.history) for run in runs),
    }


def draw(out: Path, name: str, batch_norm: bool, runs: dict[str, list[Run]]) -> None:
    """Draw the curves of seed 1 in both backends."""
    seed = min(1, len(next(iter(runs.values()))) - 1)
    norm = "with" if batch_norm else "without"
    histories = {backend: trained[seed].history for backend, trained in runs.items()}
    figure = curves_figure(histories, f"{name}, {norm} batch norm, seed {seed}")
    figure.savefig(out / f"{name}-{'bn' if batch_norm else 'nobn'}.png", dpi=90)


def page(results: list[dict[str, Any]], seeds: int) -> str:
    """README.md of the results."""
    lines = [
        "# The four baselines",
        "",
        f"`python -m benchmarks.baselines --seeds {seeds}`: final test accuracy in percent after "
        f"20 epochs, float32, CPU, seeds 0 to {seeds - 1}. Every run and the machine are in "
        "`results.json`; a single one is "
        "`twingrad train --preset nine-layer --no-batch-norm --backend torch --seed 3`.",
        "",
        "| network | batch norm | backend | mean | sd | median | each seed | published (one run) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        each = " ".join(f"{accuracy:.1f}" for accuracy in r["test_accuracies"])
        spread = "-" if r["sd"] is None else f"{r['sd']:.2f}"
        lines.append(
            f"| {r['preset']} | {'with' if r['batch_norm'] else 'without'} | {r['backend']} "
            f"| {r['mean']:.2f} | {spread} | {r['median']:.2f} | {each} | {r['published']} |"
        )
    lines += ["", "Curves of seed 1 in both backends:", ""]
    for name, batch_norm in EXPECTED:
        norm = "bn" if batch_norm else "nobn"
        lines += [f"![{name} {norm}]({name}-{norm}.png)", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    run_command(baselines)
