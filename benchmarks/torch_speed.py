"""Compare torch's updates with their bare matrix products and with the usual training loop.

    python -m benchmarks.torch_speed [--rounds 9] [--json FILE]

The network is [50, 50], with minibatches of 100 images, float32, one thread. The candidates
alternate within a round, and a ratio compares times of the same round. Single processes are
measured in CPU seconds, which other programs affect less; two processes by the wall clock. The
images are noise, since the speed does not depend on them.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from benchmarks.memory import memory_text, per_stacked_net
from benchmarks.ratios import ratio, spell
from benchmarks.workload import noise
from scripts.output import Output
from scripts.program import run_command
from twingrad.dataset import Dataset
from twingrad.environment import environment
from twingrad.errors import UserError
from twingrad.recipe import Recipe, preset
from twingrad.threads import limit_threads


def take_turns(candidates: Mapping[str, Callable[[], int]], rounds: int) -> dict[str, list[float]]:
    """CPU milliseconds per net-update, of every round after a warm-up round."""
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds + 1):
        for name, run in candidates.items():
            started = time.process_time()
            updates = run()
            if number:
                taken[name].append(1000 * (time.process_time() - started) / updates)
    return taken


def whole_run(dataset: Dataset) -> tuple[float, float]:
    """Wall-clock and CPU seconds of 20 epochs, each with an evaluation of 50,000 images."""
    import torch_impl

    started, used = time.perf_counter(), time.process_time()
    torch_impl.train(preset("three-layer"), dataset)
    return time.perf_counter() - started, time.process_time() - used


def torch_speed(
    rounds: Annotated[int, typer.Option(help="Rounds of every comparison.")] = 9,
    compiled: Annotated[bool, typer.Option(help="Also measure compiled updates.")] = True,
    whole: Annotated[bool, typer.Option(help="Also train for 20 epochs.")] = True,
    json: Annotated[str | None, typer.Option(help="Write the figures to this file.")] = None,
) -> None:
    """Compare torch's updates with their matrix products, the usual loop and each other."""
    from benchmarks.torch_stacks import two_processes
    from benchmarks.torch_work import STACK, ours, products, stacked, usual

    output = Output(json, quiet=False)
    limit_threads(1)
    dataset, recipe = noise(), preset("three-layer")
    plain = Recipe(name="three-layer without batch norm", normalization="none")
    candidates = {
        "products": products(recipe),
        "update": ours(recipe, dataset, compiled=False),
        "update without batch norm": ours(plain, dataset, compiled=False),
        "stacked update": stacked(recipe, dataset),
    }
    if compiled:
        candidates["compiled update"] = ours(recipe, dataset, compiled=True)
    try:
        candidates["usual loop"] = usual(recipe)
    except (ImportError, UserError) as error:
        output.print(f"usual loop not measured: {error}")
    times = take_turns(candidates, rounds)
    ratios = {
        f"{name} / products": ratio(times[name], times["products"])
        for name in times
        if "update" in name
    }
    for name in ("update", "compiled update"):
        if name in times:
            ratios[f"{name} / stacked update"] = ratio(times[name], times["stacked update"])
    if "usual loop" in times:
        ratios["usual loop / update"] = ratio(times["usual loop"], times["update"])
    nets = two_processes(rounds, compiled)
    best = "compiled" if compiled else "eager"
    name = f"stacks of {STACK} in 2 processes / one after another ({best}), net-updates per second"
    ratios[name] = ratio(nets["stack"], nets["one"])
    for name, taken in times.items():
        output.print(f"{name:28s} {statistics.median(taken):6.2f} CPU ms per update")
    for name, figure in ratios.items():
        output.print(f"{name}: {spell(figure)}")
    seconds = whole_run(dataset) if whole else None
    if seconds is not None:
        output.print(
            f"20 epochs with 20 evaluations of 50,000 images: {seconds[0]:.1f} s, "
            f"{seconds[1]:.1f} CPU seconds (n = 1)"
        )
    memory = per_stacked_net("torch_impl")
    output.print(f"MB per net: {memory_text(memory)}")
    output.write(
        {
            "what": "three-layer, minibatches of 100, float32, one thread per process",
            "rounds": rounds,
            "update_cpu_ms": {name: statistics.median(taken) for name, taken in times.items()},
            "net_updates_per_s": {name: statistics.median(r) for name, r in nets.items()},
            "ratios": ratios,
            "whole_run_s": seconds and dict(zip(("clock", "cpu"), seconds, strict=True)),
            "mb_per_stacked_net": memory,
            "environment": environment(),
        }
    )


if __name__ == "__main__":
    run_command(torch_speed)
