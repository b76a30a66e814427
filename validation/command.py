"""The command."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.output import Output
from scripts.program import AGREED, DISAGREED
from twingrad.environment import environment
from twingrad.errors import UserError
from twingrad.files import write_whole
from twingrad.threads import limit_threads


def checkers(
    seed: Annotated[int, typer.Option(help="Seed of parameters, minibatches and drawn pairs.")] = 0,
    sample: Annotated[
        int | None,
        typer.Option(help="Of each kind in each network, drawn; all if not given."),
    ] = None,
    networks: Annotated[
        int | None, typer.Option(help="How many of the networks, the first; all if not given.")
    ] = None,
    json: Annotated[str | None, typer.Option(help="File for the counts; '-' for output.")] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File for the page of documentation.")
    ] = None,
) -> int:
    """Plant faults and right variants, and count the verdicts of twingrad and of other checks."""
    from validation.counted import as_json
    from validation.measure import measure
    from validation.page import page
    from validation.tables import COMPARED, FOUND, compared_rows, found_rows, table

    output = Output(json, quiet=False)
    if seed < 0:
        raise UserError(f"--seed is {seed}, but at least 0 was expected")
    for option, value in (("sample", sample), ("networks", networks)):
        if value is not None and value < 1:
            raise UserError(f"--{option} is {value}, but at least 1 was expected")
    limit_threads(1)
    with output.busy("planting faults") as status:
        measured = measure(
            seed, lambda doing: status.update(f"planting faults: {doing}"), sample, networks
        )
    counts = as_json(measured, seed, sample)
    output.print(table("Faults found, percent of those seen", FOUND, found_rows(counts)))
    output.print(table("Other checks, percent of the same faults", COMPARED, compared_rows(counts)))
    training = counts["training"]
    output.print(
        f"faults of training: {training['faults']}, missed {len(training['missed'])}, "
        f"misnamed {len(training['misnamed'])}"
    )
    output.print(
        f"written by hand: {len(measured.written)} faults, "
        f"{sum(v.detected for v in measured.written)} detected, "
        f"{sum(v.placed for v in measured.written)} placed, "
        f"{sum(v.named for v in measured.written)} named, "
        f"{sum(v.false for v in measured.written)} named wrongly; "
        f"{len(measured.written_accused)} of {len(measured.written_right)} right programs accused"
    )
    for precision, accused in measured.alarms.items():
        output.print(f"false alarms in {precision}: {len(accused)} of {measured.right[precision]}")
        for name in accused:
            output.print(f"  {name}")
    output.write(counts | {"environment": environment()})
    if markdown is not None:
        try:
            write_whole(markdown, page(counts).encode())
        except OSError as error:
            raise UserError(
                f"--markdown {markdown}: cannot be written ({error.strerror})"
            ) from error
    accused_any = [*measured.alarms.values(), training["accused"], measured.written_accused]
    return DISAGREED if any(accused_any) else AGREED
