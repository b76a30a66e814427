"""Memory of a stack per net, not counting the data."""

import importlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks.workload import at_rate
from twingrad.contract import Implementation
from twingrad.dataset import Dataset, Split
from twingrad.initialization import initialize
from twingrad.recipe import preset
from twingrad.threads import limit_threads

SIZES = (16, 32, 64)
"""Sizes of the stacks."""

STATUS = Path("/proc/self/status")


def per_stacked_net(package: str) -> dict[str, float] | None:
    """MB per net of a float32 stack of [50, 50]; None if the system does not report memory.

    Arguments:
        package: manual_impl or torch_impl.
    """
    if not STATUS.exists():
        return None
    return {
        f"stack of {networks}, {'own' if own else 'shared'} minibatches": megabytes(
            package, networks, own=own
        )
        for own in (False, True)
        for networks in SIZES
    }


def megabytes(package: str, networks: int, *, own: bool) -> float:
    """Peak growth of resident memory per net, from the initial parameters to an evaluation after
    updates, in a separate process. It includes the libraries' buffers."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        return executor.submit(growth, package, networks, own).result() / networks / 1e6


def growth(package: str, networks: int, own: bool) -> int:
    """The peak growth of this process in bytes."""
    limit_threads(1)
    implementation, dataset = importlib.import_module(package), samples()
    work(implementation, dataset, 2, own=own)  # load everything that a first call loads
    before = resident("VmRSS")
    work(implementation, dataset, networks, own=own)
    return resident("VmHWM") - before


def samples() -> Dataset:
    """Noise of CIFAR-10's width."""
    rng = np.random.default_rng(0)
    split = Split(rng.standard_normal((5000, 3072), dtype=np.float32), rng.integers(10, size=5000))
    return Dataset(split, split, split, 10, {})


def work(implementation: Implementation, dataset: Dataset, networks: int, *, own: bool) -> None:
    """Run two updates and an evaluation of a stack."""
    order_seed = None if own else 0
    recipes = [
        replace(preset("three-layer"), seed=i, order_seed=order_seed) for i in range(networks)
    ]
    network = recipes[0].network(3072, 10)
    learner = implementation.learner(
        recipes, network, dataset, (initialize(network, "he", recipe.seed) for recipe in recipes)
    )
    order = np.random.default_rng(1).integers(0, 5000, ((networks,) if own else ()) + (2, 100))
    learner.run_epoch(at_rate(order, 0.001, networks))
    learner.evaluate("validation")


def resident(field: str) -> int:
    """This process's resident memory in bytes: VmRSS, the current value, or VmHWM, the peak."""
    lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return 1024 * int(lines[field].split()[0])


def memory_text(memory: dict[str, float] | None) -> str:
    """The figures as one line."""
    if memory is None:
        return "unknown on this system"
    return "; ".join(f"{name} {mb:.2f}" for name, mb in memory.items())
