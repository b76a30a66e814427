"""The figures of the GPU benchmark without a peer: equality, memory, whole trainings."""

import gc
from dataclasses import replace

import numpy as np
import torch

import torch_impl
from benchmarks.gpu.table import Table, Target
from benchmarks.gpu.task import QUICK, Task, load
from benchmarks.workload import at_rate
from scripts.output import Output
from torch_impl.training import arithmetic
from twingrad.initialization import initialize
from twingrad.minibatches import EpochInputs
from twingrad.recipe import Recipe, preset

MAX_DIFFERENCE = 1e-9
"""Maximum difference after 200 updates in float64, relative to a tensor's largest entry or to 1.
The floor of 1 is for biases below batch norm, whose gradient is only rounding."""

MAX_MEGABYTES = 2.5
"""Maximum memory per net."""


def equality(table: Table, device: torch.device) -> bool:
    """Compare networks of a stack on the device with separate runs on the CPU."""
    fine = True
    for own in (False, True):
        for batch_norm in (True, False):
            difference = largest_difference(device, own=own, batch_norm=batch_norm)
            minibatches, layers = ("own" if own else "shared"), ("with" if batch_norm else "no")
            table.row(
                f"slices, {minibatches} minibatches, {layers} batch norm",
                [difference],
                "of size",
                precision="float64",
                target=Target(MAX_DIFFERENCE),
            )
            fine &= difference <= MAX_DIFFERENCE
    table.about["equal"] = fine
    return fine


def largest_difference(device: torch.device, *, own: bool, batch_norm: bool) -> float:
    """Maximum difference between networks of a stack and separate trainings, relative to the
    tensor's largest entry or to 1: float64, 200 updates, one network diverges."""
    tiny = load(None, QUICK, Output(None, quiet=True))
    recipes = [
        Recipe(
            hidden=(12, 9),
            normalization="batch" if batch_norm else "none",
            penalty=0.002 * i,
            seed=i,
            order_seed=None if own else 0,
            batch_size=50,
            dtype="float64",
        )
        for i in range(5)
    ]
    network = recipes[0].network(48, 10)
    starts = [initialize(network, "he", recipe.seed) for recipe in recipes]
    rng = np.random.default_rng(1)
    order = rng.integers(0, 600, (*((5,) if own else ()), 200, 50))
    rates = rng.uniform(0.001, 0.02, (5, 200))
    rates[3, 120] = 1e200
    inputs = EpochInputs(order, rates, {}, None)
    stack = torch_impl.learner(recipes, network, tiny, starts, device)
    stack.run_epoch(inputs)
    if stack.diverged.tolist() != [False, False, False, True, False]:
        return float("inf")
    states, worst = stack.state(), 0.0
    for i in (0, 1, 2, 4):
        alone = torch_impl.learner(recipes[i : i + 1], network, tiny, starts[i : i + 1])
        alone.run_epoch(inputs.of(i))
        for name, value in alone.state()[0].items():
            size = max(1.0, float(np.abs(value).max()))
            difference = float(np.abs(states[i][name] - value).max()) / size
            worst = max(worst, difference) if np.isfinite(difference) else float("inf")
    return worst


def memory(table: Table, task: Task) -> bool:
    """Memory per network of the smaller stack."""
    for own in (False, True):
        what = f"memory per stacked net, {'own' if own else 'shared'} minibatches"
        if task.device.type != "cuda":
            table.missing(what, "measured on a GPU only")
            continue
        with arithmetic(deterministic=False, tf32=False):
            megabytes = megabytes_per_net(task, own=own)
        table.row(what, [megabytes], "MB", target=None if own else Target(MAX_MEGABYTES))
    return True


def megabytes_per_net(task: Task, *, own: bool) -> float:
    """Peak GPU memory of a float32 stack per net, not counting the data."""
    networks = task.sizes.stacks[0]
    recipes = [replace(task.recipe, seed=i if own else 0) for i in range(networks)]
    order = task.order[:20]
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(task.device)
    before = torch.cuda.memory_allocated(task.device)
    learner = torch_impl.learner(
        recipes, task.network, task.dataset, [task.start] * networks, task.device
    )
    data = sum(array.nbytes for split in learner.data.values() for array in (split.X, split.y))
    orders = np.stack([order] * networks) if own else order
    learner.run_epoch(at_rate(orders, task.eta, networks))
    learner.evaluate("validation")
    peak = torch.cuda.max_memory_allocated(task.device) - before - data
    return peak / networks / 1e6


def one_run(table: Table, task: Task) -> bool:
    """A single training with all evaluations: captured, and compiled and captured."""
    recipe = replace(task.recipe, epochs=task.sizes.epochs)
    for compiled in (False, True):

        def run(compiled: bool = compiled) -> object:
            device = str(task.device)
            return torch_impl.train(recipe, task.dataset, device=device, compiled=compiled)

        seconds = [task.seconds(run) for _ in range(3)]
        name = f"one run of {task.sizes.epochs} epochs with evaluations"
        table.row(f"{name}{', compiled' if compiled else ''}", seconds, "s")
    return True


def sweep(table: Table, task: Task, *, tf32: bool) -> bool:
    """A grid of lambda and learning rate, in stacks, with the evaluations of a sweep: validation
    data after every epoch, everything at the end. The time includes compiling."""
    sizes = task.sizes
    penalties = np.geomspace(1e-5, 1e-1, max(1, sizes.settings // 25))
    tops = np.geomspace(1e-3, 3e-1, min(25, sizes.settings))
    grid = [
        replace(
            preset("three-layer"), penalty=float(penalty), eta_max=float(top), epochs=sizes.epochs
        )
        for penalty in penalties
        for top in tops
    ]

    def run() -> None:
        for first in range(0, len(grid), sizes.at_once):
            torch_impl.train_stacked(
                grid[first : first + sizes.at_once],
                task.dataset,
                evaluate=("validation",),
                device=str(task.device),
                tf32=tf32,
                compiled=True,
            )

    table.row(
        f"{sizes.settings} settings of {sizes.epochs} epochs",
        [task.seconds(run)],
        "s",
        precision="TF32" if tf32 else "float32",
        target=Target(15 if tf32 else 28),
    )
    return True
