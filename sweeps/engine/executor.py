"""The interface of the two engines, `local` and `cluster`, which train groups of trials."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

from sweeps.engine.data import Loaded
from sweeps.engine.execution import Result, Work
from sweeps.engine.groups import Task
from twingrad.errors import UserError
from twingrad.training import Diverged, Run

ATTEMPTS = 3
"""Maximum number of times that a group starts if its workers are killed."""


@dataclass(frozen=True)
class Event:
    """The epoch, from 1, that a task has reached, and its result once it has ended."""

    task: Task
    epoch: int
    result: Result | None = None

    @property
    def runs(self) -> dict[str, Run | Diverged]:
        """The result of each recipe, by its key; empty unless the whole task has ended."""
        if not isinstance(self.result, list):
            return {}
        return dict(zip(self.task.keys, self.result, strict=True))


class Executor(ABC):
    """Train several groups at once.

    Attributes:
        tasks: the groups that have begun and not ended, by a number of the executor.
        memory: bytes that a group may use.
    """

    memory: int

    def __init__(self) -> None:
        self.tasks: dict[int, Task] = {}

    @abstractmethod
    def open(self, name: str, data: Loaded, work: Work) -> None:
        """Prepare to train.

        Arguments:
            name: of the sweep, unique.
            data: of every recipe; the workers of a machine share them.
            work: what all groups have in common.

        Raises:
            UserError: there is no room for the data.
        """

    @property
    @abstractmethod
    def slots(self) -> int:
        """Number of groups that train at once."""

    @property
    def ahead(self) -> int:
        """Number of groups that may wait in the engine, so that no slot waits for the driver."""
        return 0

    @property
    @abstractmethod
    def where(self) -> str:
        """The nodes and devices in use, in a few words."""

    @abstractmethod
    def begin(self, task: Task) -> None:
        """Train a group. `idle` must be positive."""

    @abstractmethod
    def wait(self) -> list[Event]:
        """Block until a group has reached an epoch or has ended; return these events.

        Raises:
            UserError: a group cannot be trained, or all of its workers were killed.
        """

    @abstractmethod
    def close(self) -> None:
        """End the groups that are training."""

    @property
    def idle(self) -> int:
        """Number of groups that may begin now."""
        return max(self.slots + self.ahead - len(self.tasks), 0)

    @property
    def training(self) -> int:
        """Number of recipes in training."""
        return sum(len(task.keys) for task in self.tasks.values())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()


def killed_too_often(task: Task) -> UserError:
    """The error that ends a sweep if all workers of a group are killed."""
    return UserError(
        f"a group of {len(task.keys)} was abandoned: {ATTEMPTS} workers that trained it were "
        "killed; if memory runs out, give a smaller --stack or fewer --processes, then --resume"
    )
