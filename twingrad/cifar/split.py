"""Split CIFAR-10 into training, validation and test images."""

from dataclasses import dataclass

from twingrad.cifar.images import BATCH_IMAGES, TRAINING_BATCHES, Cifar, Images
from twingrad.errors import UserError

VALIDATION_IMAGES = 5_000


@dataclass(frozen=True)
class Parts:
    """The three parts; the training images are in several pieces, to avoid a copy."""

    training: tuple[Images, ...]
    validation: Images
    test: Images


def check_batches(batches: int) -> None:
    """Raise UserError if this number of batches is out of range."""
    if not 1 <= batches <= TRAINING_BATCHES:
        raise UserError(f"--batches {batches}: expected 1 to {TRAINING_BATCHES}")


def split(cifar: Cifar, *, batches: int = TRAINING_BATCHES, train_size: int | None = None) -> Parts:
    """Split the images as in the assignment, or into smaller parts.

    With five batches, the training set is batches 1-4 and the first 5,000 images of batch 5, and
    the validation set the other 5,000. With fewer, the training set is these batches and the
    validation set the whole next one.

    Arguments:
        cifar: with the batches needed.
        batches: number of batches to train on, 1 to 5.
        train_size: number of training images to keep, from the start; None for all.

    Returns:
        The parts, without copies.

    Raises:
        UserError: batches or train_size is out of range.
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
            f"--train-size {count}: expected 1 to {available}, the number of training images"
        )
    kept = []
    for piece in pieces:
        kept.append(piece.rows(0, min(count, len(piece))))
        count -= len(kept[-1])
        if not count:
            break
    return tuple(kept)
