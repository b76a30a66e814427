"""Compare the time of an epoch of the [50, 50] network in both backends.

    python -m benchmarks.training [--rounds 7] [--json FILE]

The backends alternate within a round, so that a busy machine slows both. An epoch is 450 updates
of 100 images and an evaluation of 50,000; a training of 2 cycles has 20. The images are noise,
since the speed does not depend on them.
"""

import statistics
import time
from typing import Annotated

import typer

from benchmarks.ratios import ratio, spell
from benchmarks.workload import at_rate, noise
from scripts.output import Output
from scripts.program import run_command
from twingrad.contract import Implementation
from twingrad.environment import environment
from twingrad.initialization import initialize
from twingrad.minibatches import minibatch_order
from twingrad.recipe import preset
from twingrad.threads import limit_threads
from twingrad.training import Learner


def backends() -> dict[str, Implementation]:
    """Both implementations, by name."""
    import manual_impl
    import torch_impl

    return {"manual": manual_impl, "torch": torch_impl}


def epoch_seconds(learner: Learner, epoch: int) -> tuple[float, float]:
    """Seconds of the updates and of the evaluations of one epoch."""
    inputs = at_rate(minibatch_order(0, epoch, 45_000, 100), 0.01)
    started = time.perf_counter()
    learner.run_epoch(inputs)
    updated = time.perf_counter()
    learner.evaluate("training")
    learner.evaluate("validation")
    return updated - started, time.perf_counter() - updated


def benchmark(
    rounds: Annotated[int, typer.Option(help="Epochs of each backend.")] = 7,
    json: Annotated[str | None, typer.Option(help="Write the figures to this file.")] = None,
) -> None:
    """Measure epochs of both backends in alternation, with one thread."""
    output = Output(json, quiet=False)
    limit_threads(1)
    recipe = preset("three-layer")
    network = recipe.network(3072, 10)
    dataset = noise()
    parameters = initialize(network, "he", seed=0)
    learners = {
        name: side.learner([recipe], network, dataset, [parameters])
        for name, side in backends().items()
    }
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in learners}
    with output.busy("Measuring epochs of both backends"):
        for epoch in range(rounds + 1):
            for name, learner in learners.items():
                found = epoch_seconds(learner, epoch)
                if epoch:  # the first warms up caches and allocators
                    seconds[name].append(found)

    figures = {}
    for name, pairs in seconds.items():
        totals = [sum(pair) for pair in pairs]
        figures[name] = {
            "update_ms": 1000 * statistics.median(pair[0] for pair in pairs) / 450,
            "evaluation_s": statistics.median(pair[1] for pair in pairs),
            "epoch_s": statistics.median(totals),
            "epoch_s_range": [min(totals), max(totals)],
        }
        output.print(
            f"{name:6s}  update {figures[name]['update_ms']:.2f} ms, evaluation of 50,000 "
            f"{figures[name]['evaluation_s']:.2f} s, epoch {figures[name]['epoch_s']:.2f} s "
            f"({min(totals):.2f} to {max(totals):.2f}, n = {rounds})"
        )
    epochs = {name: [sum(pair) for pair in pairs] for name, pairs in seconds.items()}
    torch_over_manual = ratio(epochs["torch"], epochs["manual"])
    output.print(f"torch / manual, epoch by epoch: {spell(torch_over_manual)}")
    output.write(
        {
            "what": "three-layer with batch norm, batch 100, float32, one thread, seconds",
            "rounds": rounds,
            "backends": figures,
            "torch_over_manual": torch_over_manual,
            "environment": environment(),
        }
    )


if __name__ == "__main__":
    run_command(benchmark)
