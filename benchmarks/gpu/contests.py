"""Compare our updates with those of peers, in alternation: net-updates per second and ratios."""

from collections.abc import Callable, Mapping

import torch

import torch_impl
from benchmarks.gpu.table import Table, Target
from benchmarks.gpu.task import Task
from benchmarks.workload import at_rate
from torch_impl.training import arithmetic

Work = Callable[[], object]
"""Run the updates of an epoch and wait for the device."""

JAX_SCAN, JAX_VMAP, TORCH_FUNC = "JAX scan", "JAX vmap", "torch.func vmap, compiled"


class Unavailable(Exception):
    """A peer cannot run on this machine."""


def ours(task: Task, networks: int, *, compiled: bool = False, eager: bool = False) -> Work:
    """Our learner's updates.

    Arguments:
        compiled: compile the update before it is captured.
        eager: launch the kernels one by one, without a captured graph.
    """
    learner = torch_impl.learner(
        [task.recipe] * networks,
        task.network,
        task.dataset,
        [task.start] * networks,
        task.device,
        compiled=compiled,
    )
    inputs = at_rate(task.order, task.eta, networks)
    if eager:
        learner.run_epoch(inputs)
        for stack in learner.stacks:
            for repeated in stack.repeated.values():
                repeated.stream = None
    return lambda: learner.run_epoch(inputs)


def jax(task: Task, networks: int | None, *, tf32: bool) -> Work:
    """JAX: a compiled scan over the minibatches, with vmap for many networks."""
    try:
        import jax as library

        from benchmarks.peers.jax_peer import training
    except ImportError as error:
        raise Unavailable(f"{error.name} is not installed") from error
    kind = "gpu" if task.device.type == "cuda" else "cpu"
    try:
        place = library.devices(kind)[task.device.index or 0]
    except (RuntimeError, IndexError) as error:
        raise Unavailable(f"JAX {library.__version__} finds no such {kind}") from error
    library.config.update("jax_default_matmul_precision", "default" if tf32 else "highest")
    with library.default_device(place):
        run, state = training(
            task.network,
            task.start,
            task.dataset,
            eta=task.eta,
            penalty=task.recipe.penalty,
            alpha=task.recipe.alpha,
            networks=networks,
        )
        order = library.numpy.asarray(task.order)

    def work() -> None:
        nonlocal state
        state, costs = run(state, order)
        costs.block_until_ready()

    return work


def torch_func(task: Task, networks: int) -> Work:
    """torch.func: vmap of the plain update of one network, compiled; on a GPU also captured."""
    from benchmarks.peers.func_peer import FuncTraining

    peer = FuncTraining(
        task.network,
        task.start,
        task.dataset,
        eta=task.eta,
        penalty=task.recipe.penalty,
        alpha=task.recipe.alpha,
        networks=networks,
        device=task.device,
    )
    order = torch.from_numpy(task.order).to(task.device)

    def work() -> None:
        peer.run(order)
        task.wait()

    return work


def one_network(table: Table, task: Task, *, tf32: bool) -> bool:
    """One network: ours eager, captured, and compiled and captured, compared with JAX's scan."""
    contenders = {
        "eager": lambda: ours(task, 1, eager=True),
        "captured": lambda: ours(task, 1),
        "compiled and captured": lambda: ours(task, 1, compiled=True),
        JAX_SCAN: lambda: jax(task, None, tf32=tf32),
    }
    targets = {"compiled and captured": Target(1.0, JAX_SCAN)}
    return contest(table, task, 1, contenders, targets, tf32=tf32)


def first_stack(table: Table, task: Task, *, tf32: bool) -> bool:
    """The smaller stack, compared with both vmaps."""
    networks = task.sizes.stacks[0]
    contenders = {
        "captured": lambda: ours(task, networks),
        "compiled and captured": lambda: ours(task, networks, compiled=True),
        TORCH_FUNC: lambda: torch_func(task, networks),
        JAX_VMAP: lambda: jax(task, networks, tf32=tf32),
    }
    targets = {"compiled and captured": Target(1.5 if tf32 else 1.4, JAX_VMAP)}
    return contest(table, task, networks, contenders, targets, tf32=tf32)


def second_stack(table: Table, task: Task, *, tf32: bool) -> bool:
    """The larger stack, compared with JAX's vmap."""
    networks = task.sizes.stacks[1]
    contenders = {
        "compiled and captured": lambda: ours(task, networks, compiled=True),
        JAX_VMAP: lambda: jax(task, networks, tf32=tf32),
    }
    return contest(table, task, networks, contenders, {}, tf32=tf32)


def contest(
    table: Table,
    task: Task,
    networks: int,
    contenders: Mapping[str, Callable[[], Work]],
    targets: Mapping[str, Target],
    *,
    tf32: bool,
) -> bool:
    """Measure the contenders in alternation after a warm-up round, and add a row for each.

    Returns whether all of ours ran. A peer that cannot run is reported as missing.
    """
    precision = "TF32" if tf32 else "float32"
    title = "one net" if networks == 1 else f"{networks} nets"
    works: dict[str, Work] = {}
    fine = True
    with arithmetic(deterministic=False, tf32=tf32):
        for name, make in contenders.items():
            try:
                work = make()
                task.seconds(work)
                works[name] = work
            except Exception as error:
                fine &= is_peer(name)
                table.missing(f"{title}, {name}", brief(error), precision=precision)
        rates: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(task.sizes.rounds):
            for name, work in works.items():
                rates[name].append(networks * len(task.order) / task.seconds(work))
    peers = {name: values for name, values in rates.items() if is_peer(name)}
    for name, values in rates.items():
        table.row(
            f"{title}, {name}",
            values,
            "net-updates/s",
            precision=precision,
            peers={} if is_peer(name) else peers,
            target=targets.get(name),
        )
    return fine


def is_peer(name: str) -> bool:
    """Whether a contender is another library."""
    return name in (JAX_SCAN, JAX_VMAP, TORCH_FUNC)


def brief(error: Exception) -> str:
    """An error as one line."""
    lines = str(error).strip().splitlines() or [""]
    kind = "" if isinstance(error, Unavailable) else f"{type(error).__name__}: "
    return f"{kind}{lines[0][:200]}"
