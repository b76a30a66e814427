"""Measure what the engines of a sweep cost beside the trainings themselves.

    python -m benchmarks.sweep_overhead [--groups 200] [--rounds 5] [--json FILE]

Every round trains the same groups four times: in a loop, in two loops side by side, in two loky
processes, and as two tasks at a time on a Ray cluster that this program starts. An engine's ratio
is its wall time divided by half of the loop's; 1 is a perfect engine on two cores that do not slow
each other down. What these cores can do is the ratio of the two loops, which no engine directs.
Starting an engine, until its first two groups have ended, is timed apart. The processor time of all
processes is reported as well, since it depends less on other programs: an engine's ratio is then
its processor time divided by the loop's.
"""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from threadpoolctl import threadpool_info

from benchmarks.ratios import ratio, spell, spread
from scripts import options
from scripts.output import Output
from scripts.program import run_command
from sweeps.engine.data import Loaded
from sweeps.engine.execution import Work, run_task
from sweeps.engine.executor import Executor
from sweeps.engine.groups import Task
from sweeps.engine.local import Local
from twingrad.dataset import Dataset, Split
from twingrad.environment import environment
from twingrad.errors import UserError
from twingrad.recipe import Recipe
from twingrad.threads import limit_threads

SLOTS = 2
WORK = Work("manual", keep_states=False, curves=False)
RECIPE = Recipe(hidden=(50, 50), batch_size=100, epochs=2)
"""Trains for about a quarter of a second."""

Run = Callable[[Sequence[Task]], None]


@dataclass(frozen=True)
class Spent:
    """Seconds of wall time, and of processor time in all processes together."""

    wall: float
    processor: float


def sweep_overhead(
    groups: Annotated[int, typer.Option(min=SLOTS, help="Trainings in a run.")] = 200,
    rounds: Annotated[int, typer.Option(min=1, help="Runs of each kind.")] = 5,
    json: options.Json = None,
) -> None:
    """Measure what the engines of a sweep cost beside the trainings themselves."""
    output = Output(json, quiet=False)
    limit_threads(1)
    data = noise()
    tasks = [Task((str(i),), (RECIPE,)) for i in range(groups)]
    with ExitStack() as stack:
        runs: dict[str, Run] = {
            "loop": partial(loop, data),
            "two loops": partial(side_by_side, data),
        }
        starting: dict[str, float] = {}
        engines: dict[str, AbstractContextManager[Executor]] = {
            "loky": Local(SLOTS),
            "Ray": ray_cluster(),
        }
        for name, context in engines.items():
            engine = stack.enter_context(context)
            started = time.monotonic()
            engine.open("overhead", data, WORK)
            train(engine, tasks[:SLOTS])
            starting[name], runs[name] = time.monotonic() - started, partial(train, engine)
            output.print(f"{name}: started in {starting[name]:.2f} s")
        spent: dict[str, list[Spent]] = {name: [] for name in runs}
        for number in range(rounds):
            for name in list(runs)[:: 1 if number % 2 == 0 else -1]:
                runs[name](tasks[:SLOTS])  # workers that have been idle for long start again
                spent[name].append(timed(runs[name], tasks))
                one = spent[name][-1]
                output.print(
                    f"round {number + 1}, {name}: {one.wall:.2f} s, "
                    f"{one.processor:.2f} s of processors"
                )
    found = figures(spent)
    for name in (name for name in found if name != "loop"):
        output.print(
            f"{name}: {spell(found[name]['wall ratio'])} of half the loop's wall time, "
            f"{spell(found[name]['processor ratio'])} of its processor time"
        )
    kernels = {blas["architecture"] for blas in threadpool_info() if "architecture" in blas}
    output.write(
        {
            "groups": groups,
            "starting": starting,
            "engines": found,
            "load": os.getloadavg(),
            "blas": sorted(kernels),
            "environment": environment(),
        }
    )


def noise() -> Loaded:
    """5,000 training images and 1,000 of each other kind, all of them noise."""
    rng = np.random.default_rng(0)
    training, validation, test = (
        Split(rng.standard_normal((n, 3072), "float32"), rng.integers(0, 10, n))
        for n in (5_000, 1_000, 1_000)
    )
    return Loaded({(): Dataset(training, validation, test, 10, {"digest": "noise"})})


@contextmanager
def ray_cluster() -> Iterator[Executor]:
    """An executor on a Ray cluster of one node, which ends with the context."""
    try:
        from ray.cluster_utils import Cluster as OwnCluster

        from sweeps.engine.cluster import Cluster
    except ModuleNotFoundError as error:
        raise UserError(f"Ray is needed ({error}); pip install 'twingrad[cluster]'") from None
    own = OwnCluster(
        initialize_head=True, head_node_args={"num_cpus": SLOTS, "include_dashboard": False}
    )
    try:
        with Cluster(own.address, WORK.backend, ("cpu",), time.monotonic()) as engine:
            yield engine
    finally:
        own.shutdown()


def loop(data: Loaded, tasks: Sequence[Task]) -> None:
    """Train every group in this process."""
    for task in tasks:
        run_task(task, data(task.recipes[0]), WORK, "cpu", lambda epoch: None)


def side_by_side(data: Loaded, tasks: Sequence[Task]) -> None:
    """Train the groups in loops of as many processes as an engine has, each with its own share."""
    fork = multiprocessing.get_context("fork")  # shares the data
    processes = [fork.Process(target=loop, args=(data, tasks[i::SLOTS])) for i in range(SLOTS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()


def train(engine: Executor, tasks: Sequence[Task]) -> None:
    """Train every group with an engine, as a sweep does."""
    waiting = list(tasks)
    while waiting or engine.tasks:
        while waiting and engine.idle:
            engine.begin(waiting.pop(0))
        engine.wait()


def timed(run: Run, tasks: Sequence[Task]) -> Spent:
    """The time that a run takes."""
    processor, wall = processor_seconds(), time.monotonic()
    run(tasks)
    return Spent(time.monotonic() - wall, processor_seconds() - processor)


def processor_seconds() -> float:
    """Processor time so far of this process and all of its descendants, ended ones included."""
    ticks: dict[int, int] = {}
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = path.read_text().split(" (", 1)
        except OSError:  # it has ended
            continue
        fields = rest.rpartition(") ")[2].split()
        parents[int(pid)], ticks[int(pid)] = int(fields[1]), sum(map(int, fields[11:15]))
    ours = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return sum(ticks.get(pid, 0) for pid in ours) / os.sysconf("SC_CLK_TCK")


def figures(spent: dict[str, list[Spent]]) -> dict[str, dict[str, Any]]:
    """Medians and ranges of every run, and of an engine's ratios to the loop of its round."""
    found = {}
    for name, runs in spent.items():
        wall, processor = [one.wall for one in runs], [one.processor for one in runs]
        found[name] = {"wall": spread(wall), "processor": spread(processor)}
        if name != "loop":
            halves = [one.wall / SLOTS for one in spent["loop"]]
            found[name]["wall ratio"] = ratio(wall, halves)
            loops = [one.processor for one in spent["loop"]]
            found[name]["processor ratio"] = ratio(processor, loops)
    return found


if __name__ == "__main__":
    run_command(sweep_overhead)
