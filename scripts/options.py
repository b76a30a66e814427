"""The options that commands share, and how a recipe is made of them."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from twingrad.errors import UserError
from twingrad.recipe import Recipe, preset

Data = Annotated[
    str | None,
    typer.Option(
        metavar="PATH",
        help="CIFAR-10: a folder or archive of any layout, or 'synthetic'. "
        "Default: $TWINGRAD_DATA, else the user's cache, else the synthetic stand-in.",
    ),
]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Where the results go.")]
Json = Annotated[
    str | None, typer.Option(metavar="FILE", help="Write JSON; '-' for standard output.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]
Threads = Annotated[int, typer.Option(help="BLAS threads.")]
Device = Annotated[str, typer.Option(help="Of the torch side: cpu, cuda or cuda:N.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue what is in the folder.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is in the folder.")]
Preset = Annotated[str, typer.Option(help="three-layer or nine-layer.")]
BatchNorm = Annotated[
    bool | None, typer.Option("--batch-norm/--no-batch-norm", help="Override the preset.")
]
Hidden = Annotated[str | None, typer.Option(help="Widths, such as 50,50.")]
Initialization = Annotated[str | None, typer.Option(help="he, xavier, or a sigma such as 0.01.")]
Penalty = Annotated[float | None, typer.Option(help="lambda.")]
EtaMin = Annotated[float | None, typer.Option(help="Smallest learning rate.")]
EtaMax = Annotated[float | None, typer.Option(help="Largest learning rate.")]
HalfCycle = Annotated[int | None, typer.Option(help="n_s in updates.")]
Cycles = Annotated[int | None, typer.Option(help="How many cycles.")]
BatchSize = Annotated[int | None, typer.Option(help="Samples per minibatch.")]
Alpha = Annotated[float | None, typer.Option(help="Of the running statistics.")]
Dtype = Annotated[str | None, typer.Option(help="float32 or float64.")]
Seed = Annotated[int | None, typer.Option(help="Of initialisation and order.")]
Backend = Annotated[str | None, typer.Option(help="manual or torch.")]
TrainSize = Annotated[int | None, typer.Option(help="Keep so many training images.")]
Batches = Annotated[
    int | None,
    typer.Option(help="Training files to use, 1 to 5; below 5 the next one validates."),
]
Processes = Annotated[int | None, typer.Option(help="[one a core, or one a GPU]")]
UnpenalisedFirstLayer = Annotated[
    bool | None,
    typer.Option(
        "--unpenalised-first-layer",
        help="A defect: no penalty in the gradient of W1, though in its cost.",
    ),
]
Unshuffled = Annotated[
    bool | None,
    typer.Option("--unshuffled", help="A defect: the samples as they lie, in every epoch."),
]
PerFileStandardization = Annotated[
    bool | None,
    typer.Option(
        "--per-file-standardization",
        help="A defect: every file by its own mean and standard deviation.",
    ),
]
StaleEta = Annotated[
    bool | None,
    typer.Option("--stale-eta", help="A defect: a cycle begins with the rate of the one before."),
]
Epochs = Annotated[int | None, typer.Option(help="Stop after so many epochs.")]


def parse_widths(text: str | None) -> tuple[int, ...] | None:
    """ "50,50" as (50, 50); "" as no hidden layer.

    Raises:
        UserError: anything but whole numbers between commas.
    """
    if text is None:
        return None
    try:
        return tuple(int(width) for width in text.split(",")) if text.strip() else ()
    except ValueError:
        raise UserError(f"--hidden is {text!r}, but widths such as 50,50 were expected") from None


def build_recipe(name: str, overrides: dict[str, Any]) -> Recipe:
    """A preset with the options that were given; None means not given.

    Raises:
        UserError: an unknown preset, or a value outside its range.
    """
    given = {key: value for key, value in overrides.items() if value is not None}
    return replace(preset(name), **given)
