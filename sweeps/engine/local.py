"""Groups trained by processes of this machine, which loky starts."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import joblib
import numpy as np
from loky import ProcessPoolExecutor

from sweeps.engine.data import Loaded, plain
from sweeps.engine.execution import Result, Work, run_task
from sweeps.engine.executor import ATTEMPTS, Event, Executor, killed_too_often
from sweeps.engine.groups import Task
from sweeps.engine.memory import available
from twingrad.errors import UserError

POLL = 0.1
"""Seconds between two looks at the epochs that the workers have reached."""

LINGER = 20.0
"""Seconds that a worker without a task waits for the next one, which may be of another sweep."""

SPARE: list[ProcessPoolExecutor] = []
"""Workers left by sweeps that have ended."""


class Local(Executor):
    """Processes that map the data from one file, so that they are in memory once.

    Each process is a loky executor of its own, so killing one does not affect the others' groups.

    Arguments:
        processes: number of processes.
        devices: used in turn.
    """

    def __init__(self, processes: int, devices: Sequence[str] = ("cpu",)) -> None:
        super().__init__()
        self.memory = available(devices, processes)
        self.devices = [devices[i % len(devices)] for i in range(processes)]
        self.workers: list[ProcessPoolExecutor] = []
        self.futures: dict[int, Future[Result]] = {}
        self.attempts, self.seen = [0] * processes, [0] * processes

    def open(self, name: str, data: Loaded, work: Work) -> None:
        self.work = work
        self.folder = TemporaryDirectory(prefix="twingrad-", ignore_cleanup_errors=True)
        self.workers = [SPARE.pop() if SPARE else new_worker() for _ in self.devices]
        path = Path(self.folder.name)
        try:
            joblib.dump(data, path / "data")
            self.reached = np.memmap(path / "epochs", "int64", "w+", shape=self.slots)
        except OSError as error:
            raise UserError(
                f"{path.parent}: has no room for the data that the workers share ({error}); "
                "set TMPDIR to a folder on a larger disk"
            ) from error

    @property
    def slots(self) -> int:
        return len(self.devices)

    @property
    def where(self) -> str:
        names = ", ".join(dict.fromkeys(self.devices))
        return f"{self.slots} process{'es' * (self.slots > 1)} on {names}"

    def begin(self, task: Task) -> None:
        slot = next(i for i in range(self.slots) if i not in self.tasks)
        self.tasks[slot], self.attempts[slot] = task, 0
        self._submit(slot)

    def _submit(self, slot: int) -> None:
        self.attempts[slot] += 1
        task = self.tasks[slot]
        self.reached[slot] = self.seen[slot] = task.done
        arguments = (Path(self.folder.name), slot, self.devices[slot], task, self.work)
        try:
            self.futures[slot] = self.workers[slot].submit(train_mapped, *arguments)
        except BrokenProcessPool:  # the worker was killed while idle
            self.workers[slot] = new_worker()
            self.futures[slot] = self.workers[slot].submit(train_mapped, *arguments)

    def wait(self) -> list[Event]:
        events: list[Event] = []
        while not events:
            done, _ = wait(self.futures.values(), POLL, FIRST_COMPLETED)
            for slot, future in list(self.futures.items()):
                task, epoch = self.tasks[slot], int(self.reached[slot])
                if future not in done:
                    if epoch > self.seen[slot]:
                        self.seen[slot] = epoch
                        events.append(Event(task, epoch))
                    continue
                try:
                    result = future.result()
                except BrokenProcessPool:
                    if self.attempts[slot] == ATTEMPTS:
                        raise killed_too_often(task) from None
                    self.workers[slot] = new_worker()
                    self._submit(slot)
                    continue
                events.append(Event(task, epoch, result))
                del self.tasks[slot], self.futures[slot]
        return events

    def close(self) -> None:
        if self.workers:
            for slot, worker in enumerate(self.workers):
                if slot in self.futures:
                    worker.shutdown(kill_workers=True)
                else:
                    SPARE.append(worker)
            self.workers = []
            self.folder.cleanup()


def new_worker() -> ProcessPoolExecutor:
    """Start a worker process."""
    return ProcessPoolExecutor(1, timeout=LINGER, initializer=begin_life, initargs=(os.getpid(),))


def begin_life(parent: int) -> None:
    """Ignore Ctrl-C in a worker, and end it when its parent process is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        for folder in FOLDERS:  # the parent cannot remove it any more
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


FOLDERS: set[Path] = set()
"""The folder that this worker has mapped."""


@lru_cache(maxsize=1)
def mapped(folder: Path) -> tuple[Loaded, np.ndarray]:
    """The data in a folder, and the epoch that each worker has reached."""
    FOLDERS.clear()
    FOLDERS.add(folder)
    # copy on write, because torch requires writable arrays
    data: Loaded = joblib.load(folder / "data", mmap_mode="c")
    return data.each(plain), np.memmap(folder / "epochs", "int64", "r+")


def train_mapped(folder: Path, slot: int, device: str, task: Task, work: Work) -> Result:
    """Train a group on the data in a folder."""
    data, reached = mapped(folder)

    def say(epoch: int) -> None:
        reached[slot] = epoch

    return run_task(task, data(task.recipes[0]), work, device, say)
