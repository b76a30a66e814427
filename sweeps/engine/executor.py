"""The common part of the two engines, `local` and `cluster`, which train groups of trials."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Self

from sweeps.engine.data import Loaded
from sweeps.engine.execution import train_group, trainer
from sweeps.engine.groups import Task
from twingrad.dataset import Dataset
from twingrad.errors import UserError
from twingrad.history import Epoch
from twingrad.threads import limit_threads
from twingrad.training import EVERY_EPOCH, Checkpoint, Diverged, Run

ATTEMPTS = 3
"""Maximum number of starts of a group whose workers are killed."""

Result = list[Run | Diverged] | Checkpoint


@dataclass(frozen=True)
class Work:
    """What all groups of an executor have in common.

    Arguments:
        backend: "manual" or "torch".
        keep_states: whether results come with parameters, the costs of minibatches and the test
            evaluation, or with the evaluations of training and validation data alone.
        curves: whether the training data are evaluated after every epoch too.
    """

    backend: str
    keep_states: bool
    curves: bool


@dataclass(frozen=True)
class Event:
    """The epoch, from 1, that a task has reached, and its result once it has ended."""

    task: Task
    epoch: int
    result: Result | None = None

    @property
    def runs(self) -> dict[str, Run | Diverged]:
        """What became of each recipe, by its key; empty unless the whole task has ended."""
        if not isinstance(self.result, list):
            return {}
        return dict(zip(self.task.keys, self.result, strict=True))


class Executor(ABC):
    """Train groups, several at once.

    Attributes:
        tasks: begun and not ended, by a number of the executor.
        memory: bytes that a group may take.
    """

    memory: int

    def __init__(self) -> None:
        self.tasks: dict[int, Task] = {}

    @abstractmethod
    def open(self, name: str, data: Loaded, work: Work) -> None:
        """Get ready to train.

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
        """How many groups train at once."""

    @property
    def ahead(self) -> int:
        """How many more groups may wait in the engine, so that no slot waits for the driver."""
        return 0

    @property
    @abstractmethod
    def where(self) -> str:
        """The nodes and devices in use, in a few words."""

    @abstractmethod
    def begin(self, task: Task) -> None:
        """Train a group; call it only while `idle` is positive."""

    @abstractmethod
    def wait(self) -> list[Event]:
        """Block until a group has reached an epoch or has ended; return what happened.

        Raises:
            UserError: a group cannot be run, or every worker that ran it was killed.
        """

    @abstractmethod
    def close(self) -> None:
        """End what is still training."""

    @property
    def idle(self) -> int:
        """How many groups may begin now."""
        return max(self.slots + self.ahead - len(self.tasks), 0)

    @property
    def training(self) -> int:
        """Recipes in training."""
        return sum(len(task.keys) for task in self.tasks.values())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()


def run_task(
    task: Task, dataset: Dataset, work: Work, device: str, say: Callable[[int], None]
) -> Result:
    """Train a group in a worker.

    Arguments:
        say: called with each epoch that ends.

    Raises:
        UserError: the recipes do not go together, or memory runs out.
    """
    prepare(work.backend, device)
    epochs = iter(range(task.done + 1, task.epochs(len(dataset.training)) + 1))

    def on_epoch(last: Sequence[Epoch | None], total: int) -> None:
        say(next(epochs))

    try:
        result = train_group(
            task.recipes,
            dataset,
            work.backend,
            device,
            start=task.start,
            stop=task.stop,
            on_epoch=on_epoch,
            curves=work.curves,
        )
    except Exception as error:
        # torch's error is known by its name, since torch need not be loaded
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
            raise out_of_memory() from None
        raise
    return result if work.keep_states else evaluations_alone(result)


@cache
def prepare(backend: str, device: str) -> None:
    """Load a backend in a worker, which computes on one thread."""
    trainer(backend, device)
    limit_threads(1)


def out_of_memory() -> UserError:
    """What a worker reports that has no more memory."""
    return UserError(
        "a group does not fit into memory; give a smaller --stack, fewer --processes or smaller "
        "networks"
    )


def killed_too_often(task: Task) -> UserError:
    """What ends a sweep whose workers are killed time and again."""
    return UserError(
        f"a group of {len(task.keys)} was given up: {ATTEMPTS} workers that trained it were "
        "killed; if memory runs out, give a smaller --stack or fewer --processes, then --resume"
    )


def evaluations_alone(result: Result) -> Result:
    """Without what a sweep does not store: parameters, the test evaluation, costs and learning
    rates of minibatches; a paused stack keeps what it continues from."""
    if isinstance(result, Checkpoint):
        return result
    kept: list[Run | Diverged] = []
    for one in result:
        history = [replace(epoch, costs=(), learning_rates=()) for epoch in one.history]
        if isinstance(one, Diverged):
            kept.append(replace(one, history=history))
            continue
        final = {part: one.final[part] for part in EVERY_EPOCH}
        kept.append(replace(one, history=history, final=final, parameters={}, statistics={}))
    return kept
