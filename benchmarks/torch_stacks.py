"""Stacks of nets in two processes against one net after another: the figures of
`benchmarks.torch_speed` that take processes of their own."""

import multiprocessing
import time
from multiprocessing.connection import Connection

from benchmarks.torch_work import ours, stacked
from benchmarks.workload import noise
from twingrad.recipe import preset
from twingrad.threads import limit_threads


def worker(commands: Connection, compiled: bool) -> None:
    """A process of its own: told "one" or "stack", it answers with net-updates per second."""
    limit_threads(1)
    dataset, recipe = noise(), preset("three-layer")
    stack, one = stacked(recipe, dataset), ours(recipe, dataset, compiled=compiled)
    while (command := commands.recv()) != "end":
        started = time.perf_counter()
        updates = one() if command == "one" else stack()
        commands.send(updates / (time.perf_counter() - started))


def two_processes(rounds: int, compiled: bool) -> dict[str, list[float]]:
    """Net-updates per second: one after another in one process, stacks in two."""
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in range(2)]
    children = [context.Process(target=worker, args=(pipe[1], compiled)) for pipe in pipes]
    for child in children:
        child.start()
    found: dict[str, list[float]] = {"one": [], "stack": []}
    for number in range(rounds + 1):
        for command, asked in (("one", pipes[:1]), ("stack", pipes)):
            for pipe in asked:
                pipe[0].send(command)
            rate = sum(pipe[0].recv() for pipe in asked)
            if number:
                found[command].append(rate)
    for pipe, child in zip(pipes, children, strict=True):
        pipe[0].send("end")
        child.join()
    return found
