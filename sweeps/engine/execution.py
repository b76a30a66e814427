"""A group of recipes trained as one stack, by either backend, whole or up to the end of a cycle."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import manual_impl
from twingrad.dataset import Dataset
from twingrad.errors import UserError
from twingrad.history import Part
from twingrad.recipe import Recipe
from twingrad.training import EVERY_EPOCH, Checkpoint, Diverged, OnStackEpoch, Run

Backend = Literal["manual", "torch"]

VALIDATION: tuple[Part, ...] = ("validation",)
"""What choosing needs after every epoch."""


class Paused(Exception):
    """Raised to pause a training at an epoch that its caller asked for."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint.epochs)
        self.checkpoint = checkpoint


def train_group(
    recipes: Sequence[Recipe],
    dataset: Dataset,
    backend: str,
    device: str = "cpu",
    *,
    start: Checkpoint | None = None,
    stop: int | None = None,
    on_epoch: OnStackEpoch | None = None,
    curves: bool = True,
) -> list[Run | Diverged] | Checkpoint:
    """Train recipes of one architecture, each as it would alone.

    Arguments:
        recipes: of one stack.
        dataset: in their dtype.
        backend: "manual" or "torch".
        device: of torch: "cpu", "cuda" or "cuda:N".
        start: where to go on; None for the beginning.
        stop: the epoch to stop after; None for the end.
        on_epoch: for progress.
        curves: whether the training data are evaluated after every epoch, as the validation data
            are, or at the end alone.

    Returns:
        What became of each; where `stop` comes before the end, the stack as it stands there.

    Raises:
        UserError: the recipes differ in what a stack has only once; the field is named.
    """

    def pause(checkpoint: Checkpoint) -> None:
        if checkpoint.epochs == stop:
            raise Paused(checkpoint)

    train, options = trainer(backend, device)
    save = None if stop is None else pause
    evaluate = EVERY_EPOCH if curves else VALIDATION
    try:
        return train(
            recipes,
            dataset,
            start=start,
            save=save,
            on_epoch=on_epoch,
            evaluate=evaluate,
            **options,
        )
    except Paused as paused:
        return paused.checkpoint


def require_trainers(backend: str, devices: Sequence[str]) -> None:
    """Raise UserError unless the backend is there on every device."""
    if not devices:
        raise UserError("no --device was given, but expected at least one, such as cpu")
    for device in devices:
        trainer(backend, device)


def trainer(
    backend: str, device: str
) -> tuple[Callable[..., list[Run | Diverged]], dict[str, Any]]:
    """A backend's way to train a stack; torch is imported only where it is asked for.

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
