"""`twingrad reproduce`: reproduce the published report, or go beyond it with the ladder."""

import dataclasses
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from scripts import options
from scripts.output import Output
from twingrad import load_backend
from twingrad.dataset import Dataset
from twingrad.errors import UserError
from twingrad.recipe import Recipe
from twingrad.text import spell
from twingrad.threads import limit_threads

Only = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY",
        help="An experiment, such as table3; may be repeated. 'ladder', alone, goes beyond the "
        "report. [all of the report]",
    ),
]
Row = Annotated[
    str | None,
    typer.Option(metavar="LABEL", help="One row, by its label; a rung of the ladder. [all]"),
]
OneReading = Annotated[
    str | None,
    typer.Option(
        "--reading",
        metavar="[published|specified]",
        help="As the code was, or as the assignment asks. [both]",
    ),
]
OneSeed = Annotated[int | None, typer.Option(help="A single seed, with one backend only.")]
Quick = Annotated[
    bool,
    typer.Option(
        "--quick",
        help="Two epochs of one seed of each, to try the command: judges nothing; about 3 minutes "
        "on two cores.",
    ),
]


def reproduce(
    only: Only = None,
    row: Row = None,
    reading: OneReading = None,
    seed: OneSeed = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            min=1, help="Seeds of every setting; the ladder has its own. [5; 1 with --quick]"
        ),
    ] = None,
    backend: options.Backend = None,
    device: options.Device = "cpu",
    stack: Annotated[
        int | None, typer.Option(help="Networks trained side by side. [16; the ladder 1]")
    ] = None,
    processes: options.Processes = None,
    quick: Quick = False,
    data: options.Data = None,
    out: options.Out = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    json: options.Json = None,
    quiet: options.Quiet = False,
) -> None:
    """Reproduce the published report, and judge its numbers.

    With --resume, trainings in --out are not repeated, so you can add seeds; the pages contain
    what this call selects. Without --seed, the first seed of each setting is also trained with the
    other backend.

    --only ladder goes beyond the report: it trains each remedy alone and together, with settings
    chosen on the validation data. Its trainings can be continued after their last epoch.
    """
    if "ladder" in (only or ()):
        climb_ladder(
            only=only or [],
            reading=reading,
            row=row,
            seed=seed,
            backend=backend or "manual",
            device=device,
            processes=processes,
            stack=stack,
            quick=quick,
            data=data,
            folder=out or Path("runs/ladder"),
            resume=resume,
            overwrite=overwrite,
            output=Output(json, quiet),
        )
        return
    from reproduction.folder import PAGE, REPORT
    from reproduction.published.cells import Choice
    from reproduction.reproduce import reproduce as run
    from reproduction.verdicts.summary import summary_of
    from sweeps.output.terminal import Terminal
    from twingrad.cifar.loading import load_for

    output, folder = Output(json, quiet), out or Path("runs/reproduction")
    if quick and seeds not in (None, 1):
        raise UserError(f"--seeds is {seeds}, but --quick trains one seed of each setting")
    started = time.monotonic()
    load_backend(backend or "manual")
    limit_threads(1)

    announced = False

    def dataset_of(recipe: Recipe) -> Dataset:
        nonlocal announced
        with output.busy("reading images"):
            dataset = load_for(data, recipe)
        if not announced:
            output.print(f"data: {dataset.identity['description']}")
        announced = True
        return dataset

    line = Terminal(output.console)
    try:
        with line:
            results = run(
                dataset_of,
                folder,
                choice=Choice(tuple(only or ()), row, reading, seed),
                seeds=seeds or (1 if quick else 5),
                backend=backend or "manual",
                devices=device.split(","),
                processes=processes,
                stack=stack,
                quick=quick,
                resume=resume,
                overwrite=overwrite,
                on_status=line.show,
            )
    except KeyboardInterrupt:
        hint = f"saved; continue with the same command and --resume --out {folder}"
        output.print(hint, markup=False)
        raise
    summary = summary_of(results)
    for sentence in summary.sentences:
        output.print(sentence)
    output.print(f"took {spell(time.monotonic() - started)}")
    output.print(f"report: {folder / PAGE}, {folder / REPORT}", markup=False)
    output.write(summary.as_json())


def climb_ladder(
    *,
    only: list[str],
    reading: str | None,
    data: str | None,
    folder: Path,
    output: Output,
    **choice: Any,
) -> None:
    """`--only ladder`.

    Raises:
        UserError: another experiment or a reading beside it; as `reproduce_ladder`.
    """
    from reproduction.beyond.ladder_page import PAGE
    from reproduction.beyond.reproduce_ladder import reproduce_ladder
    from twingrad.cifar.loading import load_for

    if len(only) > 1:
        raise UserError("--only ladder has a folder of its own; run other experiments apart")
    if reading is not None:
        raise UserError("--reading is of the published report; the ladder has none")
    load_backend(choice["backend"])
    limit_threads(1)
    try:
        results = reproduce_ladder(
            partial(load_for, data),
            folder,
            on_event=lambda line: output.print(line, markup=False),
            **choice,
        )
    except KeyboardInterrupt:
        words = f"saved; continue with the same command and --resume --out {folder}"
        output.print(words, markup=False)
        raise
    output.print(f"{len(results.rungs)} rungs finished, {len(results.waiting)} not")
    output.print(f"report: {folder / PAGE}", markup=False)
    output.write(dataclasses.asdict(results))


if __name__ == "__main__":
    from scripts.program import run_command

    run_command(reproduce)
