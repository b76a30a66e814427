"""The single figures of `benchmarks.gpu`: equality, rates, memory, the time of a sweep."""

import gc
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from scripts.output import Output
from torch_impl import StackedTorchLearner, TorchLearner, find_device, train_stacked
from twingrad.dataset import Dataset, Split
from twingrad.initialization import initialize
from twingrad.minibatches import minibatch_order
from twingrad.recipe import Recipe, preset


@dataclass(frozen=True)
class Sizes:
    """How much is done."""

    samples: int
    epochs: int
    stack: int
    settings: int
    at_once: int
    rounds: int
    inputs: int = 3072


FULL = Sizes(samples=45_000, epochs=20, stack=256, settings=1000, at_once=500, rounds=7)
QUICK = Sizes(samples=600, epochs=2, stack=4, settings=6, at_once=4, rounds=2, inputs=48)


def load(data: str | None, sizes: Sizes, output: Output) -> Dataset:
    """CIFAR-10 where it is named and readable, noise of the same shape otherwise."""
    data = data or os.environ.get("TWINGRAD_DATA")
    if data and sizes is FULL:
        try:
            from twingrad.cifar.loading import load_dataset

            return load_dataset(data)
        except ImportError as error:
            output.print(f"{data} is not read, for want of a module ({error}); noise instead")
    rng = np.random.default_rng(0)

    def split(n: int) -> Split:
        X = rng.standard_normal((n, sizes.inputs), dtype=np.float32)
        return Split(X, rng.integers(10, size=n))

    return Dataset(
        split(sizes.samples), split(sizes.samples // 9), split(sizes.samples // 9), 10, {}
    )


def parameters_of(recipes: Sequence[Recipe], inputs: int) -> list[dict[str, np.ndarray]]:
    """Initial parameters of each."""
    network = recipes[0].network(inputs, 10)
    return [initialize(network, recipe.initialization, recipe.seed) for recipe in recipes]


def largest_difference(place: torch.device, *, own: bool, batch_norm: bool) -> float:
    """Of a stack's slices on the device from sequential trainings on the CPU, in units of the
    tensors' magnitude: float64, 200 updates, one model diverging."""
    tiny = load(None, QUICK, Output(None, quiet=True))
    recipes = [
        Recipe(
            hidden=(12, 9), batch_norm=batch_norm, penalty=0.002 * i, seed=i, batch_size=50,
            dtype="float64",
        )
        for i in range(5)
    ]  # fmt: skip
    network, starts = recipes[0].network(48, 10), parameters_of(recipes, 48)
    rng = np.random.default_rng(1)
    order = rng.integers(0, 600, (*((5,) if own else ()), 200, 50))
    rates = rng.uniform(0.001, 0.02, (5, 200))
    rates[3, 120] = 1e200
    stack = StackedTorchLearner(recipes, network, tiny, starts, place)
    stack.run_epoch(order, rates)
    if stack.diverged.tolist() != [False, False, False, True, False]:
        return float("inf")
    worst = 0.0
    for i in (0, 1, 2, 4):
        alone = TorchLearner(recipes[i], network, tiny, starts[i])
        alone.run_epoch(order[i] if own else order, rates[i])
        found = stack.state()[i]
        for name, value in alone.state().items():
            size = max(1.0, float(np.abs(value).max()))
            difference = float(np.abs(found[name] - value).max()) / size
            if not np.isfinite(difference):
                return float("inf")
            worst = max(worst, difference)
    return worst


def waited(run: Callable[[], object], place: torch.device) -> float:
    """Seconds until the device has done it."""
    if place.type == "cuda":
        torch.cuda.synchronize(place)
    started = time.perf_counter()
    run()
    if place.type == "cuda":
        torch.cuda.synchronize(place)
    return time.perf_counter() - started


def rates_of_one(dataset: Dataset, sizes: Sizes, place: torch.device) -> dict[str, list[float]]:
    """Updates per second of one net eager and captured, and net-updates per second of a stack;
    in turns, a first round not counted."""
    recipe, inputs = preset("three-layer"), dataset.training.X.shape[1]
    network, starts = recipe.network(inputs, 10), parameters_of([recipe], inputs)
    order = minibatch_order(0, 0, len(dataset.training), recipe.batch_size)
    eta = np.full(len(order), 0.001)
    eager, captured = (TorchLearner(recipe, network, dataset, starts[0], place) for _ in range(2))
    models = [recipe] * sizes.stack
    stack = StackedTorchLearner(models, network, dataset, starts * sizes.stack, place)
    eager.run_epoch(order[:1], eta[:1])
    found: dict[str, list[float]] = {"eager": [], "captured": [], "stack": []}

    def step_by_step() -> None:
        assert eager.course is not None
        for _ in order:
            eager.course.update.zero_()
            eager.step()

    for number in range(sizes.rounds + 1):
        runs: dict[str, Callable[[], object]] = {
            "eager": step_by_step,
            "captured": lambda: captured.run_epoch(order, eta),
            "stack": lambda: stack.run_epoch(order, np.tile(eta, (sizes.stack, 1))),
        }
        for name, run in runs.items():
            nets = sizes.stack if name == "stack" else 1
            rate = nets * len(order) / waited(run, place)
            if number:
                found[name].append(rate)
    return found


def megabytes_per_net(
    dataset: Dataset, sizes: Sizes, place: torch.device, *, own: bool
) -> float | None:
    """Largest memory of a stack of float32 nets beside the data, per net; None without a GPU."""
    if place.type != "cuda":
        return None
    recipe, inputs = preset("three-layer"), dataset.training.X.shape[1]
    starts = parameters_of([recipe], inputs) * sizes.stack
    order = minibatch_order(0, 0, len(dataset.training), recipe.batch_size)[:20]
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(place)
    before = torch.cuda.memory_allocated(place)
    stack = StackedTorchLearner(
        [recipe] * sizes.stack, recipe.network(inputs, 10), dataset, starts, place
    )
    data = sum(tensor.nbytes for pair in stack.data.values() for tensor in pair)
    orders = np.stack([order] * sizes.stack) if own else order
    stack.run_epoch(orders, np.full((sizes.stack, len(order)), 0.001))
    stack.evaluate("validation")
    peak = torch.cuda.max_memory_allocated(place) - before - data
    return peak / sizes.stack / 1e6


def sweep_seconds(dataset: Dataset, sizes: Sizes, device: str, *, tf32: bool) -> float:
    """Seconds of all lambda x learning-rate settings, in stacks, evaluations included."""
    penalties = np.geomspace(1e-5, 1e-1, max(1, sizes.settings // 25))
    tops = np.geomspace(1e-3, 3e-1, min(25, sizes.settings))
    grid = [
        replace(preset("three-layer"), penalty=float(penalty), eta_max=float(top),
                epochs=sizes.epochs)
        for penalty in penalties
        for top in tops
    ]  # fmt: skip
    place = find_device(device)

    def run() -> None:
        for first in range(0, len(grid), sizes.at_once):
            some = grid[first : first + sizes.at_once]
            train_stacked(some, dataset, device=device, tf32=tf32)

    return waited(run, place)
