"""`twingrad sweep`: many trainings; the best on validation data is evaluated once on test data."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from scripts import options
from scripts.options import build_recipe, recipe_options, require_used
from scripts.output import Output
from twingrad.dataset import Dataset
from twingrad.errors import UserError
from twingrad.recipe import Recipe
from twingrad.threads import limit_threads

Over = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FIELD=SPEC",
        help="What to search; repeat for more fields. A list, penalty=0.1,0.01, hidden=50-50,100, "
        "seed=0..4; a range, penalty=log:1e-5:1e-1, alpha=linear:0.8:1, cycles=int:1:4.",
    ),
]
Sampler = Annotated[
    str | None,
    typer.Option(
        metavar="[random|grid|tpe|cma-es|gp|coarse-to-fine]",
        help="How trials are chosen. [random]",
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Ray cluster that trains: its head's address, or auto."),
]
Storage = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Database that several drivers share. [a file in --out]"),
]
SEARCH = ("trials", "stages", "points", "keep", "prune", "search_seed")


@recipe_options()
def sweep(
    over: Over = None,
    sampler: Sampler = None,
    trials: Annotated[int | None, typer.Option(help="In all; not for a grid. [40]")] = None,
    stages: Annotated[int | None, typer.Option(help="Stages of coarse-to-fine. [3]")] = None,
    points: Annotated[int | None, typer.Option(help="Grid points of a range. [5]")] = None,
    keep: Annotated[
        int | None, typer.Option(help="Best trials that span the next stage. [a quarter]")
    ] = None,
    prune: Annotated[
        int | None, typer.Option(help="At each cycle end, one trial in this many continues. [all]")
    ] = None,
    search_seed: Annotated[int | None, typer.Option(help="Seed of the search. [0]")] = None,
    stack: Annotated[
        int | None, typer.Option(help="Trials trained side by side. [16, or 256 on a GPU]")
    ] = None,
    processes: Annotated[
        int | None, typer.Option(help="Worker processes. [one a core, or one a GPU]")
    ] = None,
    cluster: Cluster = None,
    storage: Storage = None,
    study: Annotated[str, typer.Option(help="Its name in --storage.")] = "sweep",
    preset: options.Preset = "three-layer",
    *,
    fields: options.Fields,
    curves: Annotated[
        bool | None,
        typer.Option("--curves", help="Evaluate the training data after every epoch too."),
    ] = None,
    backend: options.Backend = None,
    device: Annotated[
        str | None,
        typer.Option(metavar="[cpu|cuda|cuda:0,cuda:1]", help="Devices of torch. [cpu]"),
    ] = None,
    data: options.Data = None,
    out: options.Out = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    json: options.Json = None,
    quiet: options.Quiet = False,
) -> int:
    """Search over any fields of a recipe, many trainings side by side.

    The best on validation data is evaluated once on test data. --resume continues where --out was
    left, even after a kill.
    """
    from sweeps.output.terminal import Terminal
    from sweeps.sweep import run_sweep
    from twingrad.cifar.loading import load_for

    given = {name: value for name, value in locals().items() if value is not None}
    output = Output(json, quiet)
    limit_threads()
    if cluster is not None and processes is not None:
        raise UserError("--cluster cannot go with --processes: every core or GPU of a node trains")
    search = {name.removeprefix("search_"): given[name] for name in SEARCH if name in given}
    if resume:
        arguments = reopened(out, over, sampler, fields, search, backend, device)
    else:
        around = build_recipe(preset, fields)
        require_used(around, without_searched(fields, over or []))
        arguments = {
            "over": over or [],
            "recipe": around,
            "sampler": sampler or "random",
            "backend": backend or "manual",
            "devices": (device or "cpu").split(","),
            **search,
        }
    recipe: Recipe = arguments["recipe"]
    folder = out or Path("runs") / f"sweep-{recipe.name}-{arguments['backend']}"

    def dataset_of(wanted: Recipe) -> Dataset:
        with output.busy("reading images"):
            found = load_for(data, wanted)
        if wanted is recipe:
            output.print(f"data: {found.identity['description']}", markup=False)
            output.print(f"sweep: {folder}", markup=False)
        return found

    line = Terminal(output.console)
    try:
        with line:
            results = run_sweep(
                dataset=dataset_of,
                folder=folder,
                stack=stack,
                processes=processes,
                cluster=cluster,
                storage=storage,
                study=study,
                resume=resume,
                overwrite=overwrite,
                curves=curves,
                on_status=line.show,
                on_epoch=line.epoch,
                **arguments,
            )
    except KeyboardInterrupt:
        if (folder / "sweep.json").exists():
            said = f"saved; continue with: twingrad sweep --resume --out {folder}"
            output.print(said, markup=False)
        raise
    line.table(results)
    output.print(f"report: {folder / 'report.html'}", markup=False)
    output.write(results.as_json())
    return 1 if results.best is None else 0


def without_searched(fields: options.Fields, over: list[str]) -> options.Fields:
    """The fields whose effect depends on no field that is searched."""
    searched = {text.partition("=")[0].strip().replace("-", "_") for text in over}
    depends = {f.name: f.metadata["only_with"] for f in dataclasses.fields(Recipe)}
    return {
        name: value
        for name, value in fields.items()
        if depends[name] is None or depends[name][0] not in searched
    }


def reopened(
    out: Path | None,
    over: list[str] | None,
    sampler: str | None,
    fields: dict[str, Any],
    search: dict[str, Any],
    backend: str | None,
    device: str | None,
) -> dict[str, Any]:
    """The arguments of `run_sweep` that continue the sweep in a folder.

    Options given beside --resume replace those of the folder; `run_sweep` refuses them if they
    differ.

    Raises:
        UserError: no --out, or no sweep in it.
    """
    from sweeps.output.folder import read_settings
    from sweeps.study.setup import Setup

    if out is None:
        raise UserError("--resume needs --out, the folder of the sweep to continue")
    settings = read_settings(out)
    setup = Setup.from_json(settings, out / "sweep.json")
    plan = setup.plan
    kept = {"points": plan.points, "keep": plan.keep, "prune": plan.prune, "seed": plan.seed}
    if plan.sampler != "grid":
        kept |= {"trials": plan.trials, "stages": len(plan.stages)}
    return {
        "over": over or settings["space"],
        "recipe": dataclasses.replace(setup.recipe, **fields),
        "sampler": sampler or plan.sampler,
        "backend": backend or settings["backend"],
        "devices": device.split(",") if device else settings["devices"],
        **kept,
        **search,
    }


if __name__ == "__main__":
    from scripts.program import run_command

    run_command(sweep)
