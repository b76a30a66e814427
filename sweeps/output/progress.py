"""The progress of a sweep and the time left."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sweeps.engine.groups import Task


@dataclass(frozen=True)
class Status:
    """The progress of a sweep.

    Arguments:
        done, total: number of trials that have ended, and of all trials.
        training: number of trials that are training or waiting in the engine.
        where: the nodes and devices in use.
        said: a line about the last event; empty if it was the end of an epoch.
        best: the best trial so far in a few words; empty before the first.
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
    """Estimates the time left from the epochs trained so far.

    Arguments:
        epochs_left: of all trainings that have not ended.
    """

    epochs_left: float
    epochs_done: float = 0.0
    started: float = field(default_factory=time.monotonic)
    reached: dict[tuple[str, ...], int] = field(default_factory=dict)

    def advance(self, task: Task, epoch: int) -> None:
        """Count the epochs of a group; those of a group that restarted are counted once."""
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
