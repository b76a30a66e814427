"""What runs in a worker: groups in, news of their epochs and their results out."""

import os
import signal
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any

from sweeps.engine.data import DatasetOf
from sweeps.engine.execution import train_group
from sweeps.engine.groups import Task
from twingrad.errors import UserError
from twingrad.history import Epoch
from twingrad.threads import limit_threads
from twingrad.training import EVERY_EPOCH, Checkpoint, Diverged, Run

OUT_OF_MEMORY = UserError(
    "a group does not fit into memory; give a smaller --stack, fewer --processes or smaller "
    "networks"
)

Result = list[Run | Diverged] | Checkpoint


@dataclass(frozen=True)
class News:
    """The epoch, from 1, that a worker's task has reached, and at its end the result."""

    epoch: int
    result: Result | None = None


@dataclass(frozen=True)
class Crash:
    """An exception that nobody foresaw."""

    traceback: str


def work(
    connection: Connection,
    parent: int,
    dataset_of: DatasetOf,
    backend: str,
    device: str,
    keep_states: bool,
    curves: bool,
) -> None:
    """A worker's life, until its parent is gone.

    Arguments:
        connection: to the parent; tasks come in, `News`, `Crash` or a UserError go out.
        parent: the process to live as long as.
        dataset_of: the data of a recipe.
        backend, device: what trains.
        keep_states, curves: as in `Pool`.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when we end
    limit_threads(1)

    def say(what: Any) -> None:
        end_with(parent)
        connection.send(what)

    while True:
        while not connection.poll(1.0):
            end_with(parent)
        try:
            task: Task = connection.recv()
        except EOFError:
            return
        counter = EpochCounter(task.done, say)
        try:
            result = train_group(
                task.recipes,
                dataset_of(task.recipes[0]),
                backend,
                device,
                start=task.start,
                stop=task.stop,
                on_epoch=counter,
                curves=curves,
            )
        except UserError as error:
            say(error)
        except Exception as error:
            say(OUT_OF_MEMORY if is_out_of_memory(error) else Crash(traceback.format_exc()))
        else:
            say(News(counter.epoch, result if keep_states else evaluations_alone(result)))


def is_out_of_memory(error: Exception) -> bool:
    """Whether the machine or the GPU has no more; torch's error is known by its name, since it
    need not be loaded."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


class EpochCounter:
    """Says each epoch as it ends."""

    def __init__(self, done: int, say: Any) -> None:
        self.epoch, self.say = done, say

    def __call__(self, epochs: Sequence[Epoch | None], total: int) -> None:
        self.epoch += 1
        self.say(News(self.epoch))


def end_with(parent: int) -> None:
    """Ends this process if its parent was killed: nobody would hear of the result."""
    if os.getppid() != parent:
        os._exit(1)


def evaluations_alone(result: Result) -> Result:
    """Without parameters, costs of minibatches and test evaluation; a paused stack keeps what it
    goes on from."""
    if isinstance(result, Checkpoint):
        return result
    kept: list[Run | Diverged] = []
    for one in result:
        history = [replace(epoch, costs=()) for epoch in one.history]
        if isinstance(one, Diverged):
            kept.append(replace(one, history=history))
            continue
        final = {part: one.final[part] for part in EVERY_EPOCH}
        kept.append(replace(one, history=history, final=final, parameters={}, statistics={}))
    return kept
