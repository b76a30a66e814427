"""Processes that train groups. One that is killed is replaced, and its group is run again."""

import multiprocessing
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sweeps.engine.data import DatasetOf, Loaded
from sweeps.engine.execution import trainer
from sweeps.engine.groups import Task
from sweeps.engine.handing import Mapped
from sweeps.engine.work import Crash, Result, work
from twingrad.errors import UserError

ATTEMPTS = 3
"""How often a group is begun whose workers are killed."""


@dataclass(frozen=True)
class Event:
    """News of a task.

    Arguments:
        task: whose.
        epoch: the epoch that ended, from 1.
        result: once the task has ended, else None.
    """

    task: Task
    epoch: int
    result: Result | None


class Worker:
    """A process with the task it has, and how to speak with it."""

    def __init__(self, pool: "Pool", device: str) -> None:
        self.device = device
        self.task: Task | None = None
        self.attempt = 0
        self.connection, theirs = pool.context.Pipe()
        arguments = (
            *(theirs, os.getpid(), pool.data, pool.backend, device),
            *(pool.keep_states, pool.curves),
        )
        self.process: BaseProcess = pool.context.Process(target=work, args=arguments, daemon=True)
        with warnings.catch_warnings():
            # from Python 3.12: BLAS keeps threads, but none of them computes while we fork
            warnings.simplefilter("ignore", DeprecationWarning)
            self.process.start()
        theirs.close()

    def begin(self, task: Task, attempt: int) -> None:
        self.task, self.attempt = task, attempt
        self.connection.send(task)

    def close(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()


class Pool:
    """Workers that all see the data, which are in memory once.

    Arguments:
        data: of every recipe; nothing is loaded in a worker.
        processes: how many.
        backend: "manual" or "torch".
        devices: taken in turn.
        keep_states: whether results come with parameters, the costs of minibatches and the test
            evaluation, or with the evaluations of training and validation data alone.
        curves: whether the training data are evaluated after every epoch too.
    """

    def __init__(
        self,
        data: Loaded,
        processes: int,
        *,
        backend: str,
        devices: Sequence[str] = ("cpu",),
        keep_states: bool,
        curves: bool,
    ) -> None:
        trainer(backend, devices[0])  # torch is loaded here once, for all
        method = start_method(devices)
        self.context: Any = multiprocessing.get_context(method)
        self.backend, self.keep_states, self.curves = backend, keep_states, curves
        self.data: DatasetOf = data
        self.folder: TemporaryDirectory[str] | None = None
        if method != "fork":
            self.folder = TemporaryDirectory(prefix="twingrad-", ignore_cleanup_errors=True)
            self.data = Mapped.write(data, Path(self.folder.name))
        self.workers = [Worker(self, devices[i % len(devices)]) for i in range(processes)]

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *ended: object) -> None:
        for worker in self.workers:
            worker.close()
        if self.folder is not None:
            self.folder.cleanup()

    @property
    def idle(self) -> int:
        """Workers without a task."""
        return sum(worker.task is None for worker in self.workers)

    @property
    def busy(self) -> int:
        """Workers with a task."""
        return len(self.workers) - self.idle

    @property
    def training(self) -> int:
        """Recipes in training."""
        return sum(len(worker.task.keys) for worker in self.workers if worker.task)

    def begin(self, task: Task) -> None:
        """Gives a task to an idle worker."""
        worker = next(worker for worker in self.workers if worker.task is None)
        try:
            worker.begin(task, attempt=1)
        except OSError:  # it was killed while idle
            self._replace(worker)

    def wait(self) -> list[Event]:
        """What the workers have to say; waits until one has.

        Raises:
            UserError: a group cannot be run, or every worker that ran it was killed.
        """
        connections = {worker.connection: worker for worker in self.workers if worker.task}
        events = []
        for ready in wait(list(connections)):
            worker = connections[ready]
            try:
                said = worker.connection.recv()
            except (EOFError, OSError):
                self._replace(worker)
                continue
            if isinstance(said, UserError):
                raise said
            if isinstance(said, Crash):
                raise RuntimeError(f"a worker failed:\n{said.traceback}")
            assert worker.task is not None
            events.append(Event(worker.task, said.epoch, said.result))
            if said.result is not None:
                worker.task = None
        return events

    def _replace(self, worker: Worker) -> None:
        task, attempt = worker.task, worker.attempt
        assert task is not None
        worker.close()
        if attempt >= ATTEMPTS:
            raise UserError(
                f"a group of {len(task.keys)} was given up: {attempt} workers that trained it "
                f"were killed (the last with status {worker.process.exitcode}); if memory runs "
                "out, give a smaller --stack or fewer --processes, then --resume"
            )
        other = Worker(self, worker.device)
        self.workers[self.workers.index(worker)] = other
        other.begin(task, attempt + 1)


def start_method(devices: Sequence[str]) -> str:
    """A forked worker shares the data's pages; CUDA, JAX and macOS do not survive a fork."""
    cuda = any(device.startswith("cuda") for device in devices)
    forks = sys.platform == "linux" and not cuda and "jax" not in sys.modules
    return "fork" if forks else "spawn"
