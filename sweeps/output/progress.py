"""How far a sweep is: what is done, the best so far, the time left."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sweeps.engine.groups import Task


@dataclass(frozen=True)
class Status:
    """A sweep at a moment.

    Arguments:
        done, total: trials that have ended, and that there will be.
        training: trials that train now, or wait in the engine.
        where: the nodes and devices in use.
        said: what just happened, a line; empty where only an epoch ended.
        best: the best trial so far in a few words, empty before the first.
        seconds_left: None before the first epoch.
    """

    done: int
    total: int
    training: int
    where: str
    said: str
    best: str
    seconds_left: float | None


OnStatus = Callable[[Status], None]
"""Called after every epoch of every group."""


@dataclass
class Clock:
    """Epochs of single trainings, done and to come, and how long they take.

    Arguments:
        epochs_left: of all trainings that have not ended.
    """

    epochs_left: float
    epochs_done: float = 0.0
    started: float = field(default_factory=time.monotonic)
    reached: dict[tuple[str, ...], int] = field(default_factory=dict)

    def advance(self, task: Task, epoch: int) -> None:
        """A group ended an epoch; one that is begun again counts from where it was."""
        before = max(self.reached.get(task.keys, 0), task.done)
        if epoch > before:
            self.reached[task.keys] = epoch
            self.epochs_done += (epoch - before) * len(task.keys)
            self.epochs_left -= (epoch - before) * len(task.keys)

    def drop(self, epochs: float) -> None:
        """Leave out epochs of a trial that ended early."""
        self.epochs_left -= epochs

    @property
    def seconds_left(self) -> float | None:
        """At the speed so far."""
        if self.epochs_done == 0:
            return None
        speed = self.epochs_done / (time.monotonic() - self.started)
        return max(self.epochs_left, 0) / speed
