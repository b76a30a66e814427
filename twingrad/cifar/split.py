"""The training, validation and test images."""

from dataclasses import dataclass

from twingrad.cifar.images import BATCH_IMAGES, TRAINING_BATCHES, Cifar, Images
from twingrad.errors import UserError

VALIDATION_IMAGES = 5_000


@dataclass(frozen=True)
class Parts:
    """The three parts; the training images in the pieces that they lie in, to copy none."""

    training: tuple[Images, ...]
    validation: Images
    test: Images


def check_batches(batches: int) -> None:
    """Raises UserError where there is no training on so many batches."""
    if not 1 <= batches <= TRAINING_BATCHES:
        raise UserError(f"--batches {batches}: expected 1 to {TRAINING_BATCHES}")


def split(cifar: Cifar, *, batches: int = TRAINING_BATCHES, train_size: int | None = None) -> Parts:
    """The parts as the assignment has them, or smaller ones.

    With five batches, training is batches 1-4 and the first 5,000 images of batch 5, validation
    the other 5,000. With fewer, training is the first of them and validation the next one whole.

    Arguments:
        cifar: with the batches that are asked for.
        batches: how many to train on, 1 to 5.
        train_size: how many of the training images to keep, the first ones; None for all.

    Returns:
        The parts, as views of the same memory.

    Raises:
        UserError: when batches or train_size is out of range.
    """
    check_batches(batches)
    if batches == TRAINING_BATCHES:
        last = cifar.batches[-1]
        kept = BATCH_IMAGES - VALIDATION_IMAGES
        training = (*cifar.batches[:-1], last.rows(0, kept))
        validation = last.rows(kept, BATCH_IMAGES)
    else:
        training = cifar.batches[:batches]
        validation = cifar.batches[batches]
    if train_size is not None:
        training = _first(training, train_size)
    return Parts(training, validation, cifar.test)


def _first(pieces: tuple[Images, ...], count: int) -> tuple[Images, ...]:
    available = sum(map(len, pieces))
    if not 1 <= count <= available:
        raise UserError(
            f"--train-size {count}: expected 1 to {available}, the training images there are"
        )
    kept = []
    for piece in pieces:
        kept.append(piece.rows(0, min(count, len(piece))))
        count -= len(kept[-1])
        if not count:
            break
    return tuple(kept)
