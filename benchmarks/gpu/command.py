"""Measure one network and stacks of them on a GPU, beside JAX and torch.func.

    python -m benchmarks.gpu [--device cuda] [--quick] [--seconds 240] [--data PATH] [--json FILE]

`benchmarks/gpu.sh` runs the CUDA tests before it. Imports nothing that a bare machine with torch
lacks; a peer that is not installed is skipped. `--device cpu --quick` goes through all of it, to
see that it works.
"""

import gc
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Annotated

import torch
import typer

from benchmarks.gpu.contests import brief, first_stack, one_network, second_stack
from benchmarks.gpu.figures import equality, memory, one_run, sweep
from benchmarks.gpu.table import Table
from benchmarks.gpu.task import FULL, QUICK, Task, load
from scripts.output import Output
from scripts.program import run_command
from torch_impl import find_device
from twingrad.environment import environment, version

Part = Callable[[], bool]
"""Adds rows; returns whether all of ours ran, and ran right."""


def parts(table: Table, task: Task) -> dict[str, Part]:
    """What is measured, the most telling first: time may run out."""
    found: dict[str, Part] = {"slices": lambda: equality(table, task.device)}
    for tf32 in (False, True):
        precision = "TF32" if tf32 else "float32"
        for name, part in (
            ("one net", one_network),
            (f"{task.sizes.stacks[0]} nets", first_stack),
            (f"{task.sizes.settings} settings", sweep),
        ):
            found[f"{name}, {precision}"] = partial(part, table, task, tf32=tf32)
    found["memory"] = partial(memory, table, task)
    found["one run"] = partial(one_run, table, task)
    for tf32 in (False, True):
        name = f"{task.sizes.stacks[1]} nets, {'TF32' if tf32 else 'float32'}"
        found[name] = partial(second_stack, table, task, tf32=tf32)
    return found


def measure(table: Table, task: Task, seconds: float) -> bool:
    """All parts, as long as there is time; returns whether all of ours ran, and ran right."""
    started, fine = time.perf_counter(), True
    for name, part in parts(table, task).items():
        if time.perf_counter() - started > seconds:
            table.missing(name, f"the {seconds:g} s were over")
            continue
        try:
            fine &= part()
        except KeyboardInterrupt:
            table.missing(name, "interrupted")
            return False
        except Exception as error:
            table.missing(name, brief(error))
            fine = False
        gc.collect()
        if task.device.type == "cuda":
            torch.cuda.empty_cache()
    return fine


def gpu(
    device: Annotated[str, typer.Option(help="cuda, cuda:N, or cpu to try it.")] = "cuda",
    quick: Annotated[bool, typer.Option("--quick", help="Tiny sizes.")] = False,
    seconds: Annotated[float, typer.Option(help="Start no further part after so long.")] = 240,
    data: Annotated[str | None, typer.Option(help="CIFAR-10; noise without.")] = None,
    json: Annotated[str | None, typer.Option(help="File for the figures.")] = None,
) -> int:
    """Check stacked slices on a GPU and measure it beside JAX and torch.func."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX would take it all
    output, sizes = Output(json, quiet=False), QUICK if quick else FULL
    place = find_device(device)
    torch.set_num_threads(1)
    peers = {name: version(name) for name in ("jax", "jaxlib")}
    about = {"quick": quick, "environment": environment(device), "peers": peers}
    table = Table(output, about, judged=not quick)
    fine = measure(table, Task(sizes, load(data, sizes, output), place), seconds)
    table.write()
    return 0 if fine else 1


if __name__ == "__main__":
    run_command(gpu)
