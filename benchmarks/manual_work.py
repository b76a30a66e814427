"""The candidates of `benchmarks.manual_speed`, by name, and the processes that run them.

A `Work` runs some updates when called and returns the number of net-updates.
"""

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.connection import Connection

import numpy as np

from benchmarks.memory import SIZES
from benchmarks.peers.textbook import Textbook
from benchmarks.workload import at_rate, noise
from manual_impl import ManualLearner
from twingrad.dataset import Dataset
from twingrad.initialization import initialize
from twingrad.minibatches import minibatch_order
from twingrad.recipe import Recipe
from twingrad.threads import limit_threads

RECIPE = Recipe(hidden=(50, 50))
ORDER = minibatch_order(0, 0, 45_000, 100)
UPDATES = 90
"""Updates run at a time: enough that most of them find their data in the cache."""

Work = Callable[[int], int]
"""Given the number of the round, run updates and return how many, summed over all nets."""


def rows(repeat: int) -> np.ndarray:
    """The minibatches of a round; they differ from those of the previous round."""
    return np.roll(ORDER, -UPDATES * repeat, axis=0)[:UPDATES]


def products(dataset: Dataset, *, gathered: bool = False) -> Work:
    """Only the matrix products of an update, written into buffers.

    Arguments:
        gathered: also do the other unavoidable work: gather each minibatch from the images, which
            otherwise is in the cache already, and add the step to the weights.
    """
    rng = np.random.default_rng(0)
    widths = (3072, 50, 50, 10)

    def random(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, dtype=np.float32)

    x = [random(100, width) for width in widths]  # of every layer, (n, width)
    W = [random(out, into) for into, out in pairwise(widths)]
    s, G = [np.empty_like(value) for value in x], [random(*value.shape) for value in x]
    below, steps = [np.empty_like(value) for value in x], [np.empty_like(value) for value in W]

    def work(repeat: int) -> int:
        for some in rows(repeat):
            if gathered:
                np.take(dataset.training.X, some, axis=0, out=x[0], mode="clip")
            for l in range(3):
                np.matmul(x[l], W[l].T, out=s[l + 1])
                np.matmul(G[l + 1].T, x[l], out=steps[l])
                if l > 0:
                    np.matmul(G[l + 1], W[l], out=below[l])
                if gathered:
                    W[l] *= 0.999
                    W[l] += steps[l]
        return UPDATES

    return work


def one_net(dataset: Dataset, *, batch_norm: bool = True) -> Work:
    """Updates of a single net."""
    recipe = dataclasses.replace(RECIPE, normalization="batch" if batch_norm else "none")
    network = recipe.network(3072, 10)
    learner = ManualLearner([recipe], network, dataset, [initialize(network, "he", 0)])

    def work(repeat: int) -> int:
        return learner.run_epoch(at_rate(rows(repeat), 0.001)).size

    return work


def stack_of(dataset: Dataset, networks: int) -> Work:
    """Updates of a stack with batch norm; fewer of them, since each counts for many nets."""
    recipes = [dataclasses.replace(RECIPE, penalty=1e-4 * i) for i in range(networks)]
    network, updates = RECIPE.network(3072, 10), UPDATES // 6
    starts = [initialize(network, "he", i) for i in range(networks)]
    learner = ManualLearner(recipes, network, dataset, starts)

    def work(repeat: int) -> int:
        return learner.run_epoch(at_rate(rows(repeat)[:updates], 0.001, networks)).size

    return work


def textbook(dataset: Dataset) -> Work:
    """Updates of the textbook's code, on the same images in float64, samples in columns."""
    X, y = dataset.training.X, dataset.training.y
    peer = Textbook(X.T.astype(float), np.eye(10)[y].T, (50, 50))

    def work(repeat: int) -> int:
        some = rows(repeat)[: UPDATES // 3]
        for batch in some:
            peer.update(batch, 0.001, 0.005)
        return len(some)

    return work


def kept_memory(dataset: Dataset) -> Work:
    """`textbook` in a process that reuses the memory of freed arrays.

    glibc does so for arrays up to 32 MB once an array of their size has been freed; before that
    every update pays for new pages.
    """
    np.ones(31 * 2**17)
    return textbook(dataset)


MAKERS: dict[str, Callable[[Dataset], Work]] = {
    "products": products,
    "products, gather and step": lambda dataset: products(dataset, gathered=True),
    "one net": one_net,
    "one net without batch norm": lambda dataset: one_net(dataset, batch_norm=False),
    "textbook": textbook,
    "textbook, memory kept": kept_memory,
    **{f"stack of {n}": lambda dataset, n=n: stack_of(dataset, n) for n in SIZES},  # type: ignore
}


def serve(pipe: Connection, names: list[str]) -> None:
    """Answer requests (name, round) with the number of net-updates and their CPU seconds."""
    limit_threads(1)
    dataset = noise()
    works = {name: MAKERS[name](dataset) for name in names}
    for work in works.values():
        work(0)  # warm up caches and allocators
    pipe.send(None)
    while (request := pipe.recv()) is not None:
        name, repeat = request
        started = time.process_time()
        updates = works[name](repeat)
        pipe.send((updates, time.process_time() - started))


@contextmanager
def processes(*names: list[str]) -> Iterator[list[Connection]]:
    """Start a process for each list of names and wait until all are ready."""
    context = get_context("spawn")
    with ExitStack() as ending:
        pipes = []
        for each in names:
            here, there = context.Pipe()
            process = context.Process(target=serve, args=(there, each), daemon=True)
            process.start()
            ending.callback(process.join)
            ending.callback(here.send, None)
            pipes.append(here)
        for pipe in pipes:
            pipe.recv()
        yield pipes
