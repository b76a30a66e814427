"""Train a group of recipes as one stack, in a worker of either engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import manual_impl
from sweeps.engine.groups import Task
from twingrad.dataset import Dataset
from twingrad.errors import UserError
from twingrad.history import Epoch, Part
from twingrad.threads import limit_threads
from twingrad.training import EVERY_EPOCH, Checkpoint, Diverged, Run

VALIDATION: tuple[Part, ...] = ("validation",)
"""The data that a choice needs to be evaluated on after every epoch."""

Result = list[Run | Diverged] | Checkpoint
"""The results of a group, or its state where it was told to stop."""


@dataclass(frozen=True)
class Work:
    """What all groups of an executor have in common.

    Arguments:
        backend: "manual" or "torch".
        keep_states: True if results have parameters, the costs of minibatches and the test
            evaluation; False if they only have the training and validation evaluations.
        curves: whether to evaluate the training data after every epoch too.
    """

    backend: str
    keep_states: bool
    curves: bool


class Paused(Exception):
    """Ends a training at the epoch that its task stops after."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint.epochs)
        self.checkpoint = checkpoint


def run_task(
    task: Task, dataset: Dataset, work: Work, device: str, say: Callable[[int], None]
) -> Result:
    """Train a group; each recipe gets the same result as alone, up to rounding.

    Arguments:
        dataset: in the dtype of the recipes.
        device: "cpu", or of torch "cuda" or "cuda:N".
        say: called with the number of each epoch that ends.

    Returns:
        The results of the recipes; a checkpoint if the task stops before its recipes' last epoch.

    Raises:
        UserError: the recipes cannot be stacked, or memory runs out.
    """
    train, options = trainer(work.backend, device)
    limit_worker(work.backend)
    epochs = iter(range(task.done + 1, task.epochs(len(dataset.training)) + 1))

    def on_epoch(last: Sequence[Epoch | None], total: int) -> None:
        say(next(epochs))

    def pause(checkpoint: Checkpoint) -> None:
        if checkpoint.epochs == task.stop:
            raise Paused(checkpoint)

    try:
        result = train(
            task.recipes,
            dataset,
            start=task.start,
            save=None if task.stop is None else pause,
            on_epoch=on_epoch,
            evaluate=EVERY_EPOCH if work.curves else VALIDATION,
            **options,
        )
    except Paused as paused:
        return paused.checkpoint
    except Exception as error:
        # torch may not be imported, so its error is recognised by name
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
            raise out_of_memory() from None
        raise
    return result if work.keep_states else list(map(evaluations_alone, result))


@cache
def limit_worker(backend: str) -> None:
    """Limit this process to one thread, after its backend is loaded."""
    limit_threads(1)


def require_trainers(backend: str, devices: Sequence[str]) -> None:
    """Raise UserError unless the backend can train on every device."""
    if not devices:
        raise UserError("no --device was given, but expected at least one, such as cpu")
    for device in devices:
        trainer(backend, device)


def trainer(
    backend: str, device: str
) -> tuple[Callable[..., list[Run | Diverged]], dict[str, Any]]:
    """A backend's function that trains a stack, and its options for the device.

    Raises:
        UserError: no such backend or device.
    """
    if backend == "manual":
        if device != "cpu":
            raise UserError(f"--device {device!r} is for --backend torch; NumPy runs on the CPU")
        return manual_impl.train_stacked, {}
    if backend != "torch":
        raise UserError(f"--backend is {backend!r}, but expected manual or torch")
    import torch_impl

    torch_impl.find_device(device)
    return torch_impl.train_stacked, {"device": device}


def out_of_memory() -> UserError:
    """The error of a worker that runs out of memory."""
    return UserError(
        "a group does not fit into memory; give a smaller --stack, fewer --processes or smaller "
        "networks"
    )


def evaluations_alone(result: Run | Diverged) -> Run | Diverged:
    """A result without what a sweep does not store: parameters, the test evaluation, and the costs
    and learning rates of minibatches."""
    history = [replace(epoch, costs=(), learning_rates=()) for epoch in result.history]
    if isinstance(result, Diverged):
        return replace(result, history=history)
    final = {part: result.final[part] for part in EVERY_EPOCH}
    return replace(result, history=history, final=final, parameters={}, statistics={})
