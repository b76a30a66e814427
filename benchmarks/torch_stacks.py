"""Stacks of nets in two processes against one net after another: the figures of
`benchmarks.torch_speed` that take processes of their own."""

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import numpy as np

import torch_impl
from benchmarks.training import noise
from common.dataset import Dataset
from common.initialization import initialize
from common.minibatches import minibatch_order
from common.recipe import Recipe, preset
from common.threads import limit_threads

UPDATES, STACK, STACKED_UPDATES, BATCH = 50, 32, 8, 100


def ours(recipe: Recipe, dataset: Dataset, *, compiled: bool) -> Callable[[], object]:
    """Updates of a `TorchLearner`."""
    network = recipe.network(3072, 10)
    parameters = initialize(network, "he", seed=0)
    learner = torch_impl.TorchLearner(recipe, network, dataset, parameters, compiled=compiled)
    order = minibatch_order(0, 0, len(dataset.training), BATCH)[:UPDATES]
    return lambda: learner.run_epoch(order, np.full(len(order), 0.001))


def stacked(recipe: Recipe, dataset: Dataset) -> Callable[[], object]:
    """Updates of a stack whose models share their minibatches."""
    network = recipe.network(3072, 10)
    parameters = [initialize(network, "he", seed=0)] * STACK
    learner = torch_impl.stacked_learner([recipe] * STACK, network, dataset, parameters)
    order = minibatch_order(0, 0, len(dataset.training), BATCH)[:STACKED_UPDATES]
    return lambda: learner.run_epoch(order, np.full((STACK, len(order)), 0.001))


def worker(commands: Connection, compiled: bool) -> None:
    """A process of its own: told "one" or "stack", it answers with net-updates per second."""
    limit_threads(1)
    dataset, recipe = noise(), preset("three-layer")
    stack, one = stacked(recipe, dataset), ours(recipe, dataset, compiled=compiled)
    while (command := commands.recv()) != "end":
        started = time.perf_counter()
        if command == "one":
            one()
        else:
            stack()
        updates = UPDATES if command == "one" else STACKED_UPDATES * STACK
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
