"""What a GPU makes of single and stacked trainings: equality first, then a table of speeds.

    python -m benchmarks.gpu [--device cuda] [--quick] [--out gpu.json] [--data PATH]

`benchmarks/gpu.sh` runs the CUDA tests before it. Imports nothing that a bare machine with torch
lacks. `--device cpu --quick` goes through all of it in seconds, to see that it works.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import torch
import typer

from benchmarks.gpu_figures import (
    FULL,
    QUICK,
    Sizes,
    largest_difference,
    load,
    megabytes_per_net,
    rates_of_one,
    sweep_seconds,
    waited,
)
from scripts.output import Output
from scripts.program import run_command
from torch_impl import find_device, train
from torch_impl.training import arithmetic
from twingrad.dataset import Dataset
from twingrad.environment import environment
from twingrad.recipe import preset

EQUAL = 1e-9
"""Of a tensor's largest magnitude, after 200 updates in float64."""


class Table:
    """The rows so far, written after each: what comes to an early end keeps what it has.

    Arguments:
        output: where the JSON goes, and the lines.
        about: what the JSON says beside the rows.
    """

    def __init__(self, output: Output, about: dict[str, Any]) -> None:
        self.output, self.about = output, about
        self.rows: list[dict[str, Any]] = []

    def row(self, what: str, value: float | None, unit: str, values: Sequence[float] = ()) -> None:
        """Adds one: what, value (None where there is none), unit, spread."""
        spread = {"range": [min(values), max(values)], "n": len(values)} if values else {}
        known = value if value is not None and math.isfinite(value) else None
        self.rows.append({"what": what, "value": known, "unit": unit, **spread})
        if self.output.json_file != "-":
            self.write()

    def write(self) -> None:
        """The JSON as it stands."""
        self.output.write({**self.about, "rows": self.rows})

    def print(self) -> None:
        """For people."""
        for found in self.rows:
            value = "-" if found["value"] is None else f"{found['value']:.4g}"
            line = f"{found['what']:58s} {value:>10s} {found['unit']}"
            if "n" in found:
                line += " ({:.4g} to {:.4g}, n = {})".format(*found["range"], found["n"])
            self.output.print(line)


def measure(table: Table, dataset: Dataset, sizes: Sizes, device: str) -> None:
    """All figures, those that take longest last."""
    place, row = find_device(device), table.row
    with arithmetic(deterministic=False, tf32=False):
        found = rates_of_one(dataset, sizes, place)
    for name, rates in found.items():
        row(f"{name}: net-updates per second", statistics.median(rates), "1/s", rates)
    for what, above, below in [
        ("captured / eager", "captured", "eager"),
        (f"stack of {sizes.stack} / one captured net", "stack", "captured"),
    ]:
        ratios = [a / b for a, b in zip(found[above], found[below], strict=True)]
        row(what, statistics.median(ratios), "ratio", ratios)
    recipe = replace(preset("three-layer"), epochs=sizes.epochs)
    runs = [waited(lambda: train(recipe, dataset, device=device), place) for _ in range(3)]
    row(f"one run of {sizes.epochs} epochs, evaluations included", min(runs), "s", runs)
    with arithmetic(deterministic=False, tf32=False):
        for kind in ("shared", "own"):
            megabytes = megabytes_per_net(dataset, sizes, place, own=kind == "own")
            row(f"memory per stacked net, {kind} minibatches", megabytes, "MB")
    for tf32 in (False, True):
        name = (
            f"{sizes.settings} settings of {sizes.epochs} epochs, {'TF32' if tf32 else 'float32'}"
        )
        row(name, sweep_seconds(dataset, sizes, device, tf32=tf32), "s")


def gpu(
    device: Annotated[str, typer.Option(help="cuda, cuda:N, or cpu to try the script.")] = "cuda",
    quick: Annotated[bool, typer.Option("--quick", help="Tiny sizes.")] = False,
    out: Annotated[str, typer.Option(help="File for the JSON.")] = "gpu.json",
    data: Annotated[str | None, typer.Option(help="CIFAR-10; noise without.")] = None,
) -> int:
    """Check stacked slices on the device and measure it."""
    output, sizes = Output(out, quiet=False), QUICK if quick else FULL
    place = find_device(device)
    torch.set_num_threads(1)
    table = Table(output, {"equal": True, "quick": quick, "environment": environment(device)})
    for own in (False, True):
        for batch_norm in (True, False):
            difference = largest_difference(place, own=own, batch_norm=batch_norm)
            table.about["equal"] &= difference <= EQUAL
            minibatches, layers = (
                ("own" if own else "shared"),
                ("with" if batch_norm else "without"),
            )
            what = f"slices, {minibatches} minibatches, {layers} batch norm"
            table.row(what, difference, f"relative, <= {EQUAL}")
    measure(table, load(data, sizes, output), sizes, device)
    table.write()
    table.print()
    return 0 if table.about["equal"] else 1


if __name__ == "__main__":
    run_command(gpu)
