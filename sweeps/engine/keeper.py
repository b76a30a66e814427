"""The part of a sweep that runs on a Ray cluster: its tasks, and the actor that owns them.

The actor is detached and lives on the head node. So groups continue when the driver or another node
dies, and their results are kept until a driver has stored them.
"""

import asyncio
import contextlib
import hashlib
import importlib.util
import os
import platform
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray

from sweeps.engine.data import Loaded
from sweeps.engine.execution import Result, Work, out_of_memory, run_task
from sweeps.engine.executor import killed_too_often
from sweeps.engine.groups import Task
from sweeps.engine.memory import available
from twingrad.errors import UserError
from twingrad.training import Checkpoint

OFTEN = 0.5
"""Seconds between two reports of a task's epochs."""

PATIENCE = 1.0
"""Seconds that the actor waits for an event before it answers that there are none."""

CODE = ("twingrad", "manual_impl", "torch_impl", "sweeps")

Ended = tuple[int, Result | Exception]


@ray.remote(num_returns=2)
def train(data: Loaded, task: Task, work: Work, device: str, keeper: Any, number: int) -> Any:
    """Train a group.

    Returns:
        Its result, and separately the states of a paused stack, so that they stay in the object
        store until the group continues.
    """
    last = time.monotonic()

    def say(epoch: int) -> None:
        nonlocal last
        if time.monotonic() > last + OFTEN:
            last = time.monotonic()
            keeper.report.remote(number, epoch)

    if task.start is not None:
        paused: Any = task.start.states  # references to the states of one task, and indices
        stored = ray.get(paused[0][0])
        states = [stored[i] for _, i in paused]
        task = replace(task, start=replace(task.start, states=states))
    result = run_task(task, data(task.recipes[0]), work, device, say)
    if isinstance(result, Checkpoint):
        return replace(result, states=[]), result.states
    return result, None


@ray.remote(num_cpus=0)
class Keeper:
    """Owner of the tasks of one sweep.

    Arguments:
        data: of every recipe; each node fetches them once from the object store.
        work: what all groups have in common.
        device: "cpu" or "cuda".
        options: of a task: its resources and how often Ray retries it.
    """

    def __init__(self, data: Loaded, work: Work, device: str, options: dict[str, Any]) -> None:
        self.data = ray.put(data)
        self.train = train.options(**options)
        self.work, self.device = work, device
        self.me = ray.get_runtime_context().current_actor
        self.tasks: dict[int, Task] = {}
        self.epochs: dict[int, int] = {}
        self.ended: dict[int, Result | Exception] = {}
        self.following: set[asyncio.Task[None]] = set()
        self.news = asyncio.Event()

    async def known(self) -> dict[int, Task]:
        """The tasks whose results no driver has stored."""
        return self.tasks

    async def begin(self, number: int, task: Task) -> None:
        """Train a group as soon as its resources are free."""
        self.tasks[number] = task
        refs = self.train.remote(self.data, task, self.work, self.device, self.me, number)
        follower = asyncio.create_task(self._follow(number, task, *refs))
        self.following.add(follower)
        follower.add_done_callback(self.following.discard)

    async def _follow(self, number: int, task: Task, outcome: Any, states: Any) -> None:
        try:
            result = await outcome
            if isinstance(result, Checkpoint):
                paused: Any = [(states, i) for i in range(len(task.keys))]
                result = replace(result, states=paused)
            self.ended[number] = result
        except Exception as error:
            self.ended[number] = failure(error, task)
        self.news.set()

    async def report(self, number: int, epoch: int) -> None:
        """Note the epoch that a task has reached."""
        self.epochs[number] = epoch
        self.news.set()

    async def listen(self, stored: list[int]) -> tuple[dict[int, int], list[Ended]]:
        """Return the epochs reached since the last call, and every task that has ended.

        Arguments:
            stored: tasks whose results the driver has stored; they are forgotten.
        """
        for number in stored:
            del self.tasks[number], self.ended[number]
        if not self.ended:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.news.wait(), PATIENCE)
        self.news.clear()
        epochs, self.epochs = self.epochs, {}
        return epochs, list(self.ended.items())


def failure(error: Exception, task: Task) -> Exception:
    """The exception that the driver raises if a task fails."""
    cause = getattr(error, "cause", error)
    if isinstance(error, ray.exceptions.OutOfMemoryError):
        return out_of_memory()
    if isinstance(cause, UserError):
        return cause
    if isinstance(cause, ImportError):
        return UserError(f"--cluster: a node cannot train ({cause}); install twingrad there")
    if isinstance(error, ray.exceptions.RayTaskError):
        return RuntimeError(f"a worker failed:\n{error}")
    return killed_too_often(task)


@ray.remote(num_cpus=0, max_calls=1, max_retries=0)
def look_around(backend: str, device: str, groups: int) -> tuple[dict[str, str], int]:
    """A node's versions, and the bytes that each of its groups may use."""
    if device != "cpu":  # Ray hides the GPUs from a task that requests none
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    return versions(backend), available([device], groups if device == "cpu" else 1)


def versions(backend: str) -> dict[str, str]:
    """The versions that must be equal on every node; of twingrad, a digest of its code."""
    found = {"Python": platform.python_version()}
    for name in ("numpy", "torch") if backend == "torch" else ("numpy",):
        found[name] = importlib.import_module(name).__version__
    digest = hashlib.sha256()
    for name in CODE:
        spec = importlib.util.find_spec(name)
        for folder in (spec.submodule_search_locations if spec else None) or ():
            for path in sorted(Path(folder).rglob("*.py")):
                digest.update(path.read_bytes())
    return {**found, "twingrad": digest.hexdigest()[:12]}
