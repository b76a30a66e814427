"""Measure single and stacked networks on a GPU, and compare with JAX and torch.func.

    python -m benchmarks.gpu [--device cuda] [--quick] [--seconds 240] [--data PATH] [--json FILE]

`benchmarks/gpu.sh` runs the CUDA tests first. Only torch and NumPy are required; a peer that is not
installed is skipped. `--device cpu --quick` runs everything in tiny sizes, as a test.
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
"""Add rows; return whether everything of ours ran and gave correct results."""


def parts(table: Table, task: Task) -> dict[str, Part]:
    """The measurements, the most important first, since time may run out."""
    by_name: dict[str, Part] = {"slices": lambda: equality(table, task.device)}
    for tf32 in (False, True):
        precision = "TF32" if tf32 else "float32"
        for name, part in (
            ("one net", one_network),
            (f"{task.sizes.stacks[0]} nets", first_stack),
            (f"{task.sizes.settings} settings", sweep),
        ):
            by_name[f"{name}, {precision}"] = partial(part, table, task, tf32=tf32)
    by_name["memory"] = partial(memory, table, task)
    by_name["one run"] = partial(one_run, table, task)
    for tf32 in (False, True):
        name = f"{task.sizes.stacks[1]} nets, {'TF32' if tf32 else 'float32'}"
        by_name[name] = partial(second_stack, table, task, tf32=tf32)
    return by_name


def measure(table: Table, task: Task, seconds: float) -> bool:
    """Run all parts while there is time; return whether all of ours ran and were correct."""
    started, fine = time.perf_counter(), True
    for name, part in parts(table, task).items():
        if time.perf_counter() - started > seconds:
            table.missing(name, f"the time limit of {seconds:g} s was reached")
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
    device: Annotated[str, typer.Option(help="cuda, cuda:N, or cpu for a test.")] = "cuda",
    quick: Annotated[bool, typer.Option("--quick", help="Use tiny sizes.")] = False,
    seconds: Annotated[float, typer.Option(help="Start no part after this many seconds.")] = 240,
    data: Annotated[str | None, typer.Option(help="CIFAR-10. Default: noise.")] = None,
    json: Annotated[str | None, typer.Option(help="Write the figures to this file.")] = None,
) -> int:
    """Check stacked slices on a GPU, and compare its speed with JAX and torch.func."""
    # by default JAX allocates most of the GPU's memory
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
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
