"""How near the torch side is to its matrix products, and what others would write.

    python -m benchmarks.torch_speed [--rounds 9] [--json FILE]

[50, 50], minibatches of 100 images, float32, one thread. All candidates take turns within a round,
and a ratio is of the same round; single updates are measured in CPU seconds, so that other
programs on the machine disturb less, whatever runs in two processes in seconds of the clock. The
images are noise: the work does not depend on them.
"""

import itertools
import statistics
import time
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import torch
import typer
from torch import nn

import torch_impl
from benchmarks.torch_stacks import (
    BATCH,
    STACK,
    STACKED_UPDATES,
    UPDATES,
    ours,
    stacked,
    two_processes,
)
from benchmarks.training import noise
from common.dataset import Dataset
from common.environment import environment
from common.errors import UserError
from common.recipe import Recipe, preset
from common.threads import limit_threads
from scripts.output import Output
from scripts.program import run_command


def products(recipe: Recipe) -> Callable[[], object]:
    """The eight matrix products of an update, into buffers, and nothing else."""
    widths, rng = (3072, *recipe.hidden, 10), np.random.default_rng(0)

    def tensor(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))

    layers = [
        (tensor(BATCH, m), tensor(out, m), tensor(BATCH, out))
        for m, out in itertools.pairwise(widths)
    ]
    results = [[torch.empty_like(tensor) for tensor in layer] for layer in layers]

    def run() -> None:
        for _ in range(UPDATES):
            for number, ((x, W, g), (dx, dW, s)) in enumerate(zip(layers, results, strict=True)):
                torch.mm(x, W.t(), out=s)
                torch.mm(g.t(), x, out=dW)
                if number:
                    torch.mm(g, W, out=dx)

    return run


class Images(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    """uint8 images that are converted and standardised one by one, as CIFAR-10 is in tutorials."""

    def __init__(self, n: int) -> None:
        from common.vision import transforms

        rng = np.random.default_rng(0)
        self.images = rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
        self.classes = rng.integers(10, size=n).tolist()
        self.transform = transforms.Compose(
            [transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.25,) * 3)]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        return self.transform(self.images[i]), self.classes[i]


def usual(recipe: Recipe) -> Callable[[], object]:
    """The loop of a PyTorch tutorial: nn.Sequential, DataLoader, transforms, SGD."""
    layers: list[nn.Module] = [nn.Flatten()]
    for m, out in zip((3072, *recipe.hidden), recipe.hidden, strict=False):
        layers += [nn.Linear(m, out), nn.BatchNorm1d(out), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(recipe.hidden[-1], 10))
    loader = torch.utils.data.DataLoader(Images(UPDATES * BATCH), BATCH, shuffle=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001, weight_decay=2 * recipe.penalty)
    criterion = nn.CrossEntropyLoss()

    def run() -> None:
        model.train()
        for X, y in loader:
            optimizer.zero_grad()
            criterion(model(X), y).backward()
            optimizer.step()

    return run


def take_turns(candidates: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """CPU milliseconds an update of a net, of every round; a first one warms and compiles."""
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds + 1):
        for name, run in candidates.items():
            updates = STACKED_UPDATES * STACK if name == "stacked update" else UPDATES
            started = time.process_time()
            run()
            if number:
                taken[name].append(1000 * (time.process_time() - started) / updates)
    return taken


def ratio(above: list[float], below: list[float]) -> dict[str, Any]:
    """Median and range over the rounds."""
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    return {"median": statistics.median(ratios), "range": [min(ratios), max(ratios)]}


def whole_run(dataset: Dataset) -> tuple[float, float]:
    """Seconds of the clock and of the CPU: 20 epochs, each with its evaluation of 50,000."""
    started, used = time.perf_counter(), time.process_time()
    torch_impl.train(preset("three-layer"), dataset)
    return time.perf_counter() - started, time.process_time() - used


def benchmark(
    rounds: Annotated[int, typer.Option(help="Of every comparison.")] = 9,
    compiled: Annotated[bool, typer.Option(help="Compile as well.")] = True,
    whole: Annotated[bool, typer.Option(help="Train for 20 epochs as well.")] = True,
    json: Annotated[str | None, typer.Option(help="File for the figures.")] = None,
) -> None:
    """Measure single and stacked updates in torch on the CPU."""
    output = Output(json, quiet=False)
    limit_threads(1)
    dataset, recipe = noise(), preset("three-layer")
    plain = Recipe(name="three-layer without batch norm", batch_norm=False)
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
        output.print(f"without the usual loop: {error}")
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
        output.print(f"{name:28s} {statistics.median(taken):6.2f} ms of CPU time an update")
    for name, found in ratios.items():
        low, high = found["range"]
        output.print(f"{name}: {found['median']:.2f} ({low:.2f} to {high:.2f}, n = {rounds})")
    seconds = whole_run(dataset) if whole else None
    if seconds is not None:
        output.print(
            f"20 epochs with 20 evaluations of 50,000 images: {seconds[0]:.1f} s, "
            f"{seconds[1]:.1f} s of them on the CPU (n = 1)"
        )
    output.write(
        {
            "what": "three-layer, minibatches of 100, float32, one thread a process",
            "rounds": rounds,
            "update_cpu_ms": {name: statistics.median(taken) for name, taken in times.items()},
            "net_updates_per_s": {name: statistics.median(r) for name, r in nets.items()},
            "ratios": ratios,
            "whole_run_s": seconds and dict(zip(("clock", "cpu"), seconds, strict=True)),
            "environment": environment(),
        }
    )


if __name__ == "__main__":
    run_command(benchmark)
