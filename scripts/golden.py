"""`twingrad golden`: exchange cases and gradients with code in any language through files."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.checking import Asked
from scripts.options import parse_widths
from scripts.output import Output
from scripts.program import EXAMPLES, plain_app
from twingrad.errors import UserError

HELP = "Exchange cases with code in any language through files."

app = plain_app(help=HELP)


@app.callback(help=HELP)
def golden() -> None:
    """A callback makes typer keep `new` as a command."""


@app.command(epilog=EXAMPLES["new"])
def new(
    out: Annotated[Path, typer.Option(metavar="FILE", help="File to write, .npz or .mat.")],
    hidden: Annotated[str, typer.Option(help="Widths of the hidden layers.")] = "14,12",
    batch_norm: Annotated[
        bool, typer.Option("--batch-norm/--no-batch-norm", help="Batch norm before every ReLU.")
    ] = False,
    inputs: Annotated[int, typer.Option(help="Values per sample.")] = 14,
    samples: Annotated[int, typer.Option(help="Number of samples, the columns of X.")] = 9,
    penalty: Annotated[float, typer.Option(help="lambda.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Seed of parameters and samples.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Write a case. Run your code on it and add grad_W_1, grad_b_1, ... to the file; then run
    `twingrad check --golden FILE`."""
    from compare.golden.golden_file import write_golden

    asked = Asked(parse_widths(hidden), batch_norm, inputs, samples, penalty, seed)
    if out.exists() and not overwrite:
        raise UserError(f"--out {out}: exists; give --overwrite to replace it")
    (case,) = asked.cases()
    try:
        keys = write_golden(out, case)
    except OSError as error:
        raise UserError(f"--out {out}: cannot be written ({error.strerror})") from error
    gradients = ", ".join(f"grad_{key}" for key in keys)
    Output(None, quiet=False).print(
        f"{out}: {case.name}, samples in columns. Add {gradients} (and P, J, loss if you have "
        f"them) under these names, then: twingrad check --golden {out}",
        markup=False,
    )
