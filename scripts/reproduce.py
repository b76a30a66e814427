"""`twingrad reproduce`: the published report, table by table and figure by figure."""

import time
from pathlib import Path
from typing import Annotated

import typer

from scripts import options
from scripts.output import Output
from scripts.running import load_backend
from twingrad.dataset import Dataset
from twingrad.errors import UserError
from twingrad.recipe import Recipe
from twingrad.text import spell
from twingrad.threads import limit_threads

Only = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY", help="One experiment, such as table3; repeat for more. [all]"),
]
Row = Annotated[str | None, typer.Option(metavar="LABEL", help="One row of its table, as printed.")]
OneReading = Annotated[
    str | None,
    typer.Option(
        "--reading",
        metavar="[published|specified]",
        help="As the code was, or as the assignment asks. [both]",
    ),
]
OneSeed = Annotated[
    int | None, typer.Option(help="One training of each setting, of this seed. [--seeds of them]")
]
Quick = Annotated[
    bool,
    typer.Option(
        "--quick",
        help="Two epochs of one seed of each: a test of the command, which judges nothing; about "
        "3 minutes on two cores.",
    ),
]


def reproduce(
    only: Only = None,
    row: Row = None,
    reading: OneReading = None,
    seed: OneSeed = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Trainings of every setting. [5; 1 with --quick]")
    ] = None,
    backend: options.Backend = None,
    device: options.Device = "cpu",
    stack: Annotated[int, typer.Option(help="Trainings side by side.")] = 16,
    processes: options.Processes = None,
    quick: Quick = False,
    data: options.Data = None,
    out: options.Out = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    json: options.Json = None,
    quiet: options.Quiet = False,
) -> None:
    """Train the networks of the published report; say which of its numbers hold.

    With --resume nothing is trained again that --out holds, so that seeds can be added; the pages
    are of what this call asks for. The first seed of each setting is trained with the other
    backend too, unless --seed names the only one.
    """
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
            found = load_for(data, recipe)
        if not announced:
            output.print(f"data: {found.identity['description']}")
        announced = True
        return found

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
        said = f"saved; continue with the same command and --resume --out {folder}"
        output.print(said, markup=False)
        raise
    summary = summary_of(results)
    for sentence in summary.sentences:
        output.print(sentence)
    output.print(f"took {spell(time.monotonic() - started)}")
    output.print(f"report: {folder / PAGE}, {folder / REPORT}", markup=False)
    output.write(summary.as_json())


if __name__ == "__main__":
    from scripts.program import run_command

    run_command(reproduce)
