"""`twingrad data`: download, verify and describe CIFAR-10."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.table import Table

from scripts import options
from scripts.output import Output
from scripts.program import EXAMPLES, plain_app
from twingrad.cifar.images import COLOURS, Cifar, Images
from twingrad.cifar.loading import default_folder, load_cifar, locate_data, synthetic_cifar
from twingrad.cifar.split import split
from twingrad.cifar.standardization import pixel_sums
from twingrad.cifar.verify import Verification
from twingrad.cifar.verify import verify as verify_cifar
from twingrad.errors import UserError
from twingrad.text import one_line

app = plain_app(help="Download, verify and describe CIFAR-10.")


@app.command(epilog=EXAMPLES["download"])
def download(out: options.Out = None, quiet: options.Quiet = False) -> None:
    """Download CIFAR-10.

    The default folder is the user's cache, where all commands find it.
    """
    from twingrad.cifar.download import download as download_cifar  # torchvision is slow to import

    output = Output(None, quiet)
    folder = download_cifar(out or default_folder())
    output.print(load_cifar(folder).source.description)


@app.command(epilog=EXAMPLES["verify"])
def verify(
    data: options.Data = None, json: options.Json = None, quiet: options.Quiet = False
) -> None:
    """Check every file.

    An MD5 that is not the official one is a warning, not an error.
    """
    output = Output(json, quiet)
    place = locate_data(data)
    if place is None:
        print(
            "twingrad: warning: no CIFAR-10 found: trainings use the synthetic stand-in",
            file=sys.stderr,
        )
        output.write({"layout": "synthetic", "path": None, "usable": True, "files": []})
        return
    verification = verify_cifar(place)
    table = Table(title=f"{verification.path}, {verification.kind} layout")
    for heading in ("file", "usable", "MD5", "holds"):
        table.add_column(heading)
    for file in verification.files:
        usable = "[bold red]no[/]" if file.problem else "[green]yes[/]"
        md5 = file.identity.verdict if file.identity else "-"
        table.add_row(file.name, usable, md5, file.problem or file.holds)
    output.print(table)
    output.write(verification.report())
    if not verification.usable:
        raise UserError(unusable(verification))
    if verification.official is False:
        print(unofficial(verification), file=sys.stderr)


def unusable(verification: Verification) -> str:
    """The first problem, and how many further files have one."""
    first, *others = (file.problem for file in verification.files if file.problem)
    further = f"; {len(others)} further files cannot be used" if others else ""
    return f"{first}{further}"


def unofficial(verification: Verification) -> str:
    """Which files are not those of the published CIFAR-10."""
    differ = [f.name for f in verification.files if f.identity and f.identity.verdict == "differs"]
    named = f" ({', '.join(differ)})" if differ else ""
    return one_line(f"twingrad: warning: this is not the official copy of CIFAR-10{named}")


@app.command(epilog=EXAMPLES["describe"])
def describe(
    data: options.Data = None, json: options.Json = None, quiet: options.Quiet = False
) -> None:
    """Describe the data of a training.

    Shows their source, the images per class and the colours.
    """
    output = Output(json, quiet)
    place = locate_data(data)
    cifar = synthetic_cifar() if place is None else load_cifar(place)
    described = description(cifar)
    output.print(cifar.source.description)
    classes = Table(title="images per class")
    for heading in ("class", "training", "validation", "test"):
        classes.add_column(heading)
    for number, name in enumerate(cifar.label_names):
        counts = [str(part["per_class"][number]) for part in described["parts"].values()]
        classes.add_row(name, *counts)
    classes.add_row("all", *(str(part["images"]) for part in described["parts"].values()))
    output.print(classes)
    colours = Table(title="training images, 0 to 1")
    for heading in ("colour", "mean", "standard deviation"):
        colours.add_column(heading)
    for name, colour in described["colours"].items():
        colours.add_row(name, f"{colour['mean']:.6f}", f"{colour['std']:.6f}")
    output.print(colours)
    output.write(described)


def description(cifar: Cifar) -> dict[str, Any]:
    """Identity, images per class of each part, and the colours of the training images."""
    parts = split(cifar)
    labels = {
        "training": np.concatenate([piece.labels for piece in parts.training]),
        "validation": parts.validation.labels,
        "test": parts.test.labels,
    }
    return {
        **cifar.source.identity(),
        "label_names": list(cifar.label_names),
        "parts": {
            name: {
                "images": len(y),
                "per_class": np.bincount(y, minlength=len(cifar.label_names)).tolist(),
            }
            for name, y in labels.items()
        },
        "colours": colour_statistics(parts.training),
    }


def colour_statistics(pieces: Sequence[Images]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation of each colour over all pixels, from 0 to 1."""
    pixels = pixel_sums([piece.images for piece in pieces]).standardization()
    mean, std = pixels.mean.reshape(3, -1), pixels.std.reshape(3, -1)
    squares = std**2 + mean**2
    return {
        name: {
            "mean": float(mean[colour].mean()),
            "std": float(np.sqrt(squares[colour].mean() - mean[colour].mean() ** 2)),
        }
        for colour, name in enumerate(COLOURS)
    }


if __name__ == "__main__":
    from scripts.program import run

    run(app)
