"""Compare our update with the same work in other libraries on a CPU.

    python -m benchmarks.peers [--rounds 9] [--against COMMIT] [--json FILE]

The network is [50, 50], with minibatches of 100, float32, plain gradient descent with the penalty
and, with batch norm, running statistics, on noise of CIFAR-10's size in shuffled order. The process
is pinned to one core, so that no library uses two. The candidates alternate within a round; the
first round, which compiles, is not counted. A peer that is not installed is skipped.

JAX runs many updates as one `scan` in a `jit`; Keras and scikit-learn are used in their usual way.
`benchmarks.torch_speed` has the usual PyTorch loop. `--against` adds an earlier commit's update, in
a separate process on the same core, and every peer's ratio to it.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Annotated, Any

import numpy as np
import typer
from threadpoolctl import threadpool_info

from benchmarks.against import CASES, checkouts
from benchmarks.ratios import ratio
from benchmarks.workload import at_rate, noise
from scripts.output import Output
from twingrad.dataset import Dataset
from twingrad.environment import environment, version
from twingrad.initialization import initialize
from twingrad.minibatches import minibatch_order
from twingrad.recipe import Recipe
from twingrad.threads import limit_threads

UPDATES = 90
"""Updates in one block: 9,000 samples, a fifth of an epoch."""

BATCH = 100
ETA, PENALTY, ALPHA = 0.01, 0.005, 0.9

PACKAGES = ("scikit-learn", "jax", "jaxlib", "keras")

Block = Callable[[], float | None]
"""Run the updates of one block; return the seconds of another process, if it uses one."""


def ours(dataset: Dataset, *, batch_norm: bool) -> Block:
    """Our update in NumPy."""
    import manual_impl

    recipe = Recipe(
        hidden=(50, 50),
        normalization="batch" if batch_norm else "none",
        penalty=PENALTY,
        alpha=ALPHA,
    )
    network = recipe.network(3072, 10)
    learner = manual_impl.learner([recipe], network, dataset, [initialize(network, "he", 0)])
    inputs = at_rate(minibatch_order(0, 0, 45_000, BATCH)[:UPDATES], ETA)

    def block() -> None:
        learner.run_epoch(inputs)

    return block


def scikit_learn(dataset: Dataset) -> Block:
    """MLPClassifier, an epoch of 9,000 samples; it has no batch norm."""
    from sklearn.neural_network import MLPClassifier

    split = dataset.training
    net = MLPClassifier(
        hidden_layer_sizes=(50, 50),
        solver="sgd",
        momentum=0.0,
        alpha=2 * PENALTY,
        batch_size=BATCH,
        learning_rate_init=ETA,
        max_iter=1,
    )
    X, y = split.X[: UPDATES * BATCH], split.y[: UPDATES * BATCH]
    net.partial_fit(X[:BATCH], y[:BATCH], classes=np.arange(10))

    def block() -> None:
        net.partial_fit(X, y)

    return block


def jax_scan(dataset: Dataset) -> Block:
    """The same network and update in JAX, a compiled scan over the minibatches."""
    from benchmarks.peers.jax_peer import training

    network = Recipe(hidden=(50, 50)).network(3072, 10)
    start = initialize(network, "he", 0)
    run, state = training(network, start, dataset, eta=ETA, penalty=PENALTY, alpha=ALPHA)
    order = minibatch_order(0, 0, 45_000, BATCH)[:UPDATES]

    def block() -> None:
        nonlocal state
        state, costs = run(state, order)
        costs.block_until_ready()

    return block


def keras_fit(dataset: Dataset) -> Block:
    """Sequential with BatchNormalization, compiled and fitted, on Keras's configured backend."""
    import keras

    regular = keras.regularizers.L2(PENALTY)
    layers: list[Any] = [keras.Input((3072,))]
    for _ in range(2):
        layers += [keras.layers.Dense(50, kernel_regularizer=regular)]
        layers += [keras.layers.BatchNormalization(), keras.layers.ReLU()]
    layers += [keras.layers.Dense(10, kernel_regularizer=regular)]
    net = keras.Sequential(layers)
    net.compile(
        optimizer=keras.optimizers.SGD(ETA),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    size = UPDATES * BATCH
    X, y = dataset.training.X[:size], dataset.training.y[:size]

    def block() -> None:
        net.fit(X, y, batch_size=BATCH, epochs=1, verbose=0)

    return block


PEERS: dict[str, tuple[str, Callable[[Dataset], Block]]] = {
    "scikit-learn": ("NumPy without BN", scikit_learn),
    "JAX scan": ("NumPy with BN", jax_scan),
    "Keras": ("NumPy with BN", keras_fit),
}
"""By name: the one of ours that does the same work, and the peer."""


def present(dataset: Dataset, output: Output) -> Iterator[tuple[str, Block]]:
    """The peers that are installed."""
    for name, (_, make) in PEERS.items():
        try:
            yield name, make(dataset)
        except ImportError as error:
            output.print(f"{name}: skipped, {error.name} is not installed")


def earlier(commit: str, ending: ExitStack) -> Iterator[tuple[str, Block]]:
    """An earlier commit's NumPy update, with and without batch norm."""
    _, old = ending.enter_context(checkouts(commit))
    turn = 0

    def block(name: str) -> float:
        nonlocal turn
        turn += 1
        done = old.updates(name, turn, 1)
        return float(done["seconds"]) * UPDATES / len(done["costs"][0])

    for name, case in (
        ("NumPy with BN", "NumPy, one net"),
        ("NumPy without BN", "NumPy, one net without batch norm"),
    ):
        old.ask(name=case, **CASES[case])
        yield f"{name}, {commit}", lambda case=case: block(case)  # type: ignore[misc]


def take_turns(blocks: dict[str, Block], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of every block in every round except the first."""
    seconds: dict[str, list[float]] = {name: [] for name in blocks}
    for turn in range(rounds + 1):
        for name, block in blocks.items():
            started = time.process_time()
            elsewhere = block()
            taken = time.process_time() - started if elsewhere is None else elsewhere
            if turn:
                seconds[name].append(taken)
    return seconds


def figure(name: str, seconds: dict[str, list[float]], commit: str | None) -> dict[str, Any]:
    """Milliseconds per update; for a peer also its ratios to ours and to the commit's."""
    each = [1000 * value / UPDATES for value in seconds[name]]
    found: dict[str, Any] = {
        "update_ms": statistics.median(each),
        "update_ms_range": [min(each), max(each)],
    }
    if name in PEERS:
        base = PEERS[name][0]
        found |= over(seconds, name, base)
        if commit:
            found["earlier"] = over(seconds, name, f"{base}, {commit}")
    return found


def over(seconds: dict[str, list[float]], name: str, base: str) -> dict[str, Any]:
    """The ratio of a peer's time to ours, round by round, and of the medians."""
    found = ratio(seconds[name], seconds[base])
    medians = [statistics.median(seconds[each]) for each in (name, base)]
    return {
        "over": base,
        "ratio": found["median"],
        "range": found["range"],
        "ratio_of_medians": medians[0] / medians[1],
    }


def describe(name: str, found: dict[str, Any], rounds: int) -> str:
    """The figures of one candidate as a line."""
    text = f"{name:26s} update {found['update_ms']:.2f} ms"
    for each in (found, found.get("earlier", {})):
        if "over" in each:
            low, high = each["range"]
            text += (
                f"; {each['ratio']:.2f} times {each['over']} ({low:.2f} to {high:.2f}, "
                f"n = {rounds}; of medians {each['ratio_of_medians']:.2f})"
            )
    return text


def peers(
    rounds: Annotated[int, typer.Option(help="Rounds of every comparison.")] = 9,
    against: Annotated[
        str | None, typer.Option(metavar="COMMIT", help="Also measure this commit's update.")
    ] = None,
    json: Annotated[str | None, typer.Option(help="Write the figures to this file.")] = None,
) -> None:
    """Compare our update with scikit-learn, JAX and Keras."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    output = Output(json, quiet=False)
    limit_threads(1)
    dataset = noise()
    with ExitStack() as ending:
        blocks: dict[str, Block] = {
            "NumPy with BN": ours(dataset, batch_norm=True),
            "NumPy without BN": ours(dataset, batch_norm=False),
            **(dict(earlier(against, ending)) if against else {}),
            **dict(present(dataset, output)),
        }
        seconds = take_turns(blocks, rounds)
    figures = {name: figure(name, seconds, against) for name in seconds}
    for name, found in figures.items():
        output.print(describe(name, found, rounds))
    output.write(
        {
            "what": "[50, 50], batch 100, float32, one core, CPU seconds",
            "rounds": rounds,
            "figures": figures,
            "blas": [
                library["architecture"]
                for library in threadpool_info()
                if "architecture" in library
            ],
            "peers": {name: version(name) for name in PACKAGES},
            "environment": environment(),
        }
    )
