"""`twingrad watch`: runs a training program and names its first wrong line."""

from pathlib import Path
from typing import Annotated

import typer

from scripts import options
from scripts.output import Output
from scripts.program import AGREED, DISAGREED
from twingrad.errors import UserError

SMALLEST = 1
"""Megabytes: a recording below this holds no update."""


def watch(
    program: Annotated[Path, typer.Argument(help="A Python file or a notebook.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Arguments of the program, after --.")
    ] = None,
    python: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="The Python that runs it. [the one of its own folder, or ours]"
        ),
    ] = None,
    data: options.Data = None,
    seconds: Annotated[float, typer.Option(help="Time limit of the program.")] = 60.0,
    size: Annotated[int, typer.Option(help="Limit of the recording, in megabytes.")] = 400,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page, readable offline.")
    ] = None,
    json: options.Json = None,
    quiet: options.Quiet = False,
) -> int:
    """Run a training program and name its first wrong line.

    Every array that it assigns is recorded; the network is rebuilt from the values, whatever they
    are called.
    """
    from compare.reports.watch_report import WatchText, summary, write_watch_report
    from compare.watching.watch import watch as run

    output = Output(json, quiet)
    if not 0 < seconds < float("inf"):
        raise UserError(f"--seconds is {seconds}, but expected seconds above 0")
    if size < SMALLEST:
        raise UserError(f"--size is {size}, but expected at least {SMALLEST} megabyte")
    if html is not None and not html.parent.is_dir():
        raise UserError(f"{html}: cannot be written, there is no folder {html.parent}")
    with output.busy(f"watching {program.name}"):
        result = run(
            program,
            arguments or (),
            python=python,
            data=data,
            seconds=seconds,
            size=size * 1_000_000,
        )
    output.print(WatchText(result), soft_wrap=not output.console.is_terminal)
    output.print(summary(result), markup=False)
    if html is not None:
        try:
            write_watch_report(html, result)
        except OSError as error:
            raise UserError(f"{html}: cannot be written ({error.strerror})") from error
    output.write(result.as_json())
    return AGREED if result.agrees else DISAGREED


if __name__ == "__main__":
    from scripts.program import run_command

    run_command(watch)
