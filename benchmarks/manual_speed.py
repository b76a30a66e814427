"""Compare NumPy's updates with their bare matrix products, and measure the gain from stacking.

    python -m benchmarks.manual_speed [--rounds 15] [--json FILE]

The network is [50, 50], with minibatches of 100, one thread per process, noise of CIFAR-10's size,
and float32 except in the textbook's code (see `benchmarks.peers.textbook`). The candidates
alternate within a round. Times are CPU seconds, because on a busy machine the wall clock also
counts other programs; the gain of two processes is given by both.
"""

import statistics
import time
from typing import Annotated, Any

import typer

import manual_impl
from benchmarks.manual_work import RECIPE, processes
from benchmarks.memory import SIZES, memory_text, per_stacked_net
from benchmarks.workload import noise
from scripts.output import Output
from scripts.program import run_command
from twingrad.dataset import Dataset
from twingrad.environment import environment
from twingrad.threads import limit_threads

STACKS = [f"stack of {n}" for n in SIZES]
BARE = "products, gather and step"
OURS = ["products", BARE, "one net", "one net without batch norm", *STACKS]
PEERS = ["textbook", "textbook, memory kept"]


def in_turns(rounds: int) -> dict[str, list[float]]:
    """CPU microseconds per net-update, of every candidate in every round.

    Ours share one process; each textbook variant has a separate one, as in normal use.
    """
    times: dict[str, list[float]] = {name: [] for name in [*OURS, *PEERS]}
    with processes(OURS, *([peer] for peer in PEERS)) as (ours, *others):
        pipes = dict.fromkeys(OURS, ours) | dict(zip(PEERS, others, strict=True))
        for repeat in range(1, rounds + 1):
            for name, pipe in pipes.items():
                pipe.send((name, repeat))
                updates, seconds = pipe.recv()
                times[name].append(1e6 * seconds / updates)
    return times


def throughput(rounds: int) -> dict[str, dict[str, list[float]]]:
    """Net-updates per second "by the clock" and "by the cores", of every way in every round."""
    ways = {"one process, one net": (1, "one net"), "two processes, one net each": (2, "one net")}
    ways |= {f"two processes, each a {name}": (2, name) for name in STACKS}
    rates: dict[str, dict[str, list[float]]] = {
        way: {"by the clock": [], "by the cores": []} for way in ways
    }
    names = ["one net", *STACKS]
    with processes(names, names) as pipes:
        for repeat in range(1, rounds + 1):
            for way, (number, name) in ways.items():
                started = time.perf_counter()
                for pipe in pipes[:number]:
                    pipe.send((name, repeat))
                answers = [pipe.recv() for pipe in pipes[:number]]
                clock = time.perf_counter() - started
                rates[way]["by the clock"].append(sum(u for u, _ in answers) / clock)
                rates[way]["by the cores"].append(sum(u / s for u, s in answers))
    return rates


def ratio(over: list[float], under: list[float]) -> dict[str, Any]:
    """Median and quartiles of the ratios, round by round."""
    low, middle, high = statistics.quantiles([a / b for a, b in zip(over, under, strict=True)], n=4)
    return {"median": middle, "quartiles": [low, high], "rounds": len(over)}


def training(dataset: Dataset) -> dict[str, float]:
    """CPU and wall-clock seconds of 20 epochs, each with an evaluation of 50,000 images."""
    core, clock = time.process_time(), time.perf_counter()
    manual_impl.train(RECIPE, dataset)
    return {"core_s": time.process_time() - core, "clock_s": time.perf_counter() - clock}


def manual_speed(
    rounds: Annotated[int, typer.Option(min=7, help="Rounds of every comparison.")] = 15,
    json: Annotated[str | None, typer.Option(help="Write the figures to this file.")] = None,
) -> None:
    """Compare NumPy's updates with their matrix products, the textbook and each other."""
    output = Output(json, quiet=False)
    limit_threads(1)
    with output.busy("Measuring updates, each kind in turn"):
        micro = in_turns(rounds)
    with output.busy("Measuring two processes"):
        rates = throughput(rounds)
    dataset = noise()
    with output.busy("Training for 20 epochs"):
        whole = training(dataset)
    memory = per_stacked_net("manual_impl")

    figures = {f"{name} / products": ratio(micro[name], micro["products"]) for name in OURS[1:]}
    figures[f"one net / {BARE}"] = ratio(micro["one net"], micro[BARE])
    figures |= {f"{peer} / one net": ratio(micro[peer], micro["one net"]) for peer in PEERS}
    figures |= {f"one net / {name}": ratio(micro["one net"], micro[name]) for name in STACKS}
    alone, *together = rates
    for how in ("by the clock", "by the cores"):
        for way in together:
            figures[f"{way} / {alone}, {how}"] = ratio(rates[way][how], rates[alone][how])
    for name, values in micro.items():
        output.print(f"{name:28s} {statistics.median(values):6.0f} CPU us per net-update")
    for name, figure in figures.items():
        low, high = figure["quartiles"]
        output.print(f"{name:74s} {figure['median']:5.2f} ({low:.2f} to {high:.2f}, n = {rounds})")
    core, clock = whole["core_s"], whole["clock_s"]
    output.print(f"20 epochs: {core:.1f} CPU seconds, {clock:.1f} s by the clock")
    output.print(f"MB per net: {memory_text(memory)}")
    output.write(
        {
            "what": "[50, 50], batch 100, float32, one thread per process; ratios round by round",
            "ratios": figures,
            "core_us_per_net_update": {k: statistics.median(v) for k, v in micro.items()},
            "training_of_20_epochs": whole,
            "mb_per_stacked_net": memory,
            "environment": environment(),
        }
    )


if __name__ == "__main__":
    run_command(manual_speed)
