"""What a GPU makes of single and stacked trainings: equality first, then a table of speeds.

    python -m benchmarks.gpu [--device cuda] [--quick] [--out gpu.json] [--data PATH]

`benchmarks/gpu.sh` runs the CUDA tests before it. Imports nothing that a bare machine with torch
lacks. `--device cpu --quick` goes through all of it in seconds, to see that it works.
"""

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
from common.dataset import Dataset
from common.environment import environment
from common.recipe import preset
from scripts.output import Output
from scripts.program import run_command
from torch_impl import find_device, train
from torch_impl.training import arithmetic

EQUAL = 1e-9
"""Of a tensor's largest magnitude, after 200 updates in float64."""


def measure(
    dataset: Dataset, sizes: Sizes, device: str, equality: dict[str, float]
) -> list[dict[str, Any]]:
    """The table's rows: what, value, unit, spread."""
    place = find_device(device)
    rows: list[dict[str, Any]] = [
        {"what": what, "value": value, "unit": f"relative, <= {EQUAL}"}
        for what, value in equality.items()
    ]

    def row(what: str, value: float | None, unit: str, values: Sequence[float] = ()) -> None:
        spread = {"range": [min(values), max(values)], "n": len(values)} if values else {}
        rows.append({"what": what, "value": value, "unit": unit, **spread})

    with arithmetic(deterministic=False, tf32=False):
        found = rates_of_one(dataset, sizes, place)
        memory = {
            kind: megabytes_per_net(dataset, sizes, place, own=kind == "own")
            for kind in ("shared", "own")
        }
    for name, rates in found.items():
        row(f"{name}: net-updates per second", statistics.median(rates), "1/s", rates)
    for what, above, below in [
        ("captured / eager", "captured", "eager"),
        (f"stack of {sizes.stack} / one captured net", "stack", "captured"),
    ]:
        ratios = [a / b for a, b in zip(found[above], found[below], strict=True)]
        row(what, statistics.median(ratios), "ratio", ratios)
    for kind, megabytes in memory.items():
        row(f"memory per stacked net, {kind} minibatches", megabytes, "MB")
    recipe = replace(preset("three-layer"), epochs=sizes.epochs)
    runs = [waited(lambda: train(recipe, dataset, device=device), place) for _ in range(3)]
    row(f"one run of {sizes.epochs} epochs, evaluations included", min(runs), "s", runs)
    for tf32 in (False, True):
        name = (
            f"{sizes.settings} settings of {sizes.epochs} epochs, {'TF32' if tf32 else 'float32'}"
        )
        row(name, sweep_seconds(dataset, sizes, device, tf32=tf32), "s")
    return rows


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
    equality = {
        f"slices, {'own' if own else 'shared'} minibatches, "
        f"{'with' if batch_norm else 'without'} batch norm": largest_difference(
            place, own=own, batch_norm=batch_norm
        )
        for own in (False, True)
        for batch_norm in (True, False)
    }
    rows = measure(load(data, sizes, output), sizes, device, equality)
    equal = all(difference <= EQUAL for difference in equality.values())
    result = {"equal": equal, "quick": quick, "rows": rows, "environment": environment(device)}
    output.write(result)
    for found in rows:
        value = "-" if found["value"] is None else f"{found['value']:.4g}"
        line = f"{found['what']:58s} {value:>10s} {found['unit']}"
        if "n" in found:
            line += " ({:.4g} to {:.4g}, n = {})".format(*found["range"], found["n"])
        output.print(line)
    return 0 if equal else 1


if __name__ == "__main__":
    run_command(gpu)
