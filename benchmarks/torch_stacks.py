"""Compare stacks in two processes with single nets in one, for `benchmarks.torch_speed`."""

import multiprocessing
import time
from multiprocessing.connection import Connection

from benchmarks.torch_work import ours, stacked
from benchmarks.workload import noise
from twingrad.recipe import preset
from twingrad.threads import limit_threads


def worker(commands: Connection, compiled: bool) -> None:
    """Answer the commands "one" and "stack" with net-updates per second, until "end"."""
    limit_threads(1)
    dataset, recipe = noise(), preset("three-layer")
    stack, one = stacked(recipe, dataset), ours(recipe, dataset, compiled=compiled)
    while (command := commands.recv()) != "end":
        started = time.perf_counter()
        updates = one() if command == "one" else stack()
        commands.send(updates / (time.perf_counter() - started))


def two_processes(rounds: int, compiled: bool) -> dict[str, list[float]]:
    """Net-updates per second of every round: "one" net in one process, a "stack" in each of two."""
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in range(2)]
    children = [context.Process(target=worker, args=(pipe[1], compiled)) for pipe in pipes]
    for child in children:
        child.start()
    rates: dict[str, list[float]] = {"one": [], "stack": []}
    for number in range(rounds + 1):
        for command, workers in (("one", pipes[:1]), ("stack", pipes)):
            for pipe in workers:
                pipe[0].send(command)
            rate = sum(pipe[0].recv() for pipe in workers)
            if number:
                rates[command].append(rate)
    for pipe, child in zip(pipes, children, strict=True):
        pipe[0].send("end")
        child.join()
    return rates
