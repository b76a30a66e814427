"""An update of ours beside the same work in other libraries.

    python -m benchmarks.peers [--rounds 9] [--json FILE]

All is [50, 50], minibatches of 100, float32, plain gradient descent with the penalty and, where
there is batch norm, running statistics, on noise of CIFAR-10's size, gathered from shuffled rows.
The process keeps to one core, so that no library takes two. What is compared takes turns within a
round; the first round, which compiles, is not counted. Every peer is optional: one that is not
installed is left out with a word.

JAX runs many updates as one `scan` in a `jit`; Keras and scikit-learn fit as their users would.
`benchmarks.torch_speed` has the usual PyTorch loop.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import numpy as np
import typer
from threadpoolctl import threadpool_info

from benchmarks.training import noise
from scripts.output import Output
from scripts.program import run_command
from twingrad.dataset import Dataset
from twingrad.environment import environment, version
from twingrad.initialization import initialize
from twingrad.minibatches import minibatch_order
from twingrad.recipe import Recipe
from twingrad.threads import limit_threads

UPDATES = 90
"""Of a block: 9,000 samples, a fifth of an epoch."""

BATCH = 100
ETA, PENALTY, ALPHA = 0.01, 0.005, 0.9

PACKAGES = ("scikit-learn", "jax", "jaxlib", "keras")

Block = Callable[[], None]
"""Does the updates of one block."""


def ours(dataset: Dataset, *, batch_norm: bool) -> Block:
    """Our own training in NumPy."""
    import manual_impl

    recipe = Recipe(hidden=(50, 50), batch_norm=batch_norm, penalty=PENALTY, alpha=ALPHA)
    network = recipe.network(3072, 10)
    learner = manual_impl.learner(recipe, network, dataset, initialize(network, "he", 0))
    order = minibatch_order(0, 0, 45_000, BATCH)[:UPDATES]
    rates = np.full(UPDATES, ETA)

    def block() -> None:
        learner.run_epoch(order, rates)

    return block


def scikit_learn(dataset: Dataset) -> Block:
    """MLPClassifier, an epoch of 9,000 samples; it knows no batch norm."""
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
    from benchmarks.jax_peer import training

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
    """Sequential with BatchNormalization, compiled and fitted, on the backend it finds."""
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
"""By name: which of ours does the same work, and the peer."""


def present(dataset: Dataset, output: Output) -> Iterator[tuple[str, Block]]:
    """The peers that are installed."""
    for name, (_, make) in PEERS.items():
        try:
            yield name, make(dataset)
        except ImportError as error:
            output.print(f"{name}: not installed ({error.name}), left out")


def peers(
    rounds: Annotated[int, typer.Option(help="Blocks of each.")] = 9,
    json: Annotated[str | None, typer.Option(help="File for the figures.")] = None,
) -> None:
    """Measure our update beside scikit-learn, JAX and Keras."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    output = Output(json, quiet=False)
    limit_threads(1)
    dataset = noise()
    blocks: dict[str, Block] = {
        "NumPy with BN": ours(dataset, batch_norm=True),
        "NumPy without BN": ours(dataset, batch_norm=False),
        **dict(present(dataset, output)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in blocks}
    for turn in range(rounds + 1):
        for name, block in blocks.items():
            started = time.process_time()
            block()
            if turn:
                seconds[name].append(time.process_time() - started)
    figures: dict[str, Any] = {}
    for name, values in seconds.items():
        each = [1000 * value / UPDATES for value in values]
        figures[name] = {
            "update_ms": statistics.median(each),
            "update_ms_range": [min(each), max(each)],
        }
        text = f"{name:17s} update {figures[name]['update_ms']:.2f} ms"
        if name in PEERS:
            base = PEERS[name][0]
            ratios = [a / b for a, b in zip(values, seconds[base], strict=True)]
            figures[name] |= {
                "over": base,
                "ratio": statistics.median(ratios),
                "range": [min(ratios), max(ratios)],
            }
            text += (
                f", {figures[name]['ratio']:.2f} times ours ({base}; {min(ratios):.2f} to "
                f"{max(ratios):.2f}, n = {rounds})"
            )
        output.print(text)
    output.write(
        {
            "what": "[50, 50], batch 100, float32, one core, seconds of the processor",
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


if __name__ == "__main__":
    run_command(peers)
