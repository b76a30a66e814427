"""Load CIFAR-10, or the stand-in, and make the dataset of a training from it."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from twingrad.cifar.cache import default_folder, kept_batches
from twingrad.cifar.files import Files, find, find_or_fail
from twingrad.cifar.images import CLASSES, LABEL_NAMES, TRAINING_BATCHES, Cifar, Images
from twingrad.cifar.source import Source, content_digest
from twingrad.cifar.split import Parts, check_batches, split
from twingrad.cifar.standardization import Standardization, pixel_sums
from twingrad.dataset import Dataset, Split
from twingrad.errors import UserError
from twingrad.recipe import Recipe

SYNTHETIC = "synthetic"


def locate_data(option: str | None) -> Path | None:
    """Find the data: at the option's path, at $TWINGRAD_DATA or in the user's cache, in this order.

    Arguments:
        option: the value of --data, a path or "synthetic".

    Returns:
        A folder of batches or an archive; None for the synthetic stand-in.

    Raises:
        UserError: the option or the variable is set, but there is no CIFAR-10 at its path.
    """
    name = "--data"
    if option is None:
        name, option = "$TWINGRAD_DATA", os.environ.get("TWINGRAD_DATA") or None
    if option is None:
        return find(default_folder())
    if option == SYNTHETIC:
        return None
    return find_or_fail(Path(option).expanduser(), f"{name} {option}")


def load_cifar(path: Path | str, *, batches: int = TRAINING_BATCHES) -> Cifar:
    """Read CIFAR-10 in any of its layouts.

    Arguments:
        path: a folder of batches, a folder that holds such a folder or a published archive, or an
            archive.
        batches: number of batches to train on, 1 to 5. With fewer than five, one more is read for
            validation, and the others need not exist.

    Returns:
        The training batches in order, five or batches + 1, and the test images.

    Raises:
        UserError: a file is missing, damaged, not in CIFAR-10's format, or a pickle that imports
            anything. Files that differ from the official ones are no error: see
            `Source.official`.
    """
    check_batches(batches)
    files = Files(find_or_fail(Path(path), str(path)), batches)
    images: dict[str, Images] = {}
    identities = []
    label_names: tuple[str, ...] = LABEL_NAMES
    for file in files:
        identities.append(file.identity())
        if file.name == file.layout.meta:
            label_names = file.layout.read_label_names(file.content, file.where)
        else:
            images[file.name] = file.layout.read_batch(file.content, file.where)

    layout = files.layout
    names = layout.needed(batches)
    for name in names:
        if name not in images:
            raise UserError(
                f"{files.path}: {name} is missing; expected {', '.join(names)} "
                f"for --batches {batches}"
            )
    *training, test = (images[name] for name in names)
    source = Source(
        kind=layout.kind,
        path=files.path,
        files=tuple(sorted(identities, key=lambda file: file.name)),
        archive=files.archive,
        digest=_digest(training, test),
    )
    return Cifar(tuple(training), test, label_names, source)


def synthetic_cifar(*, batches: int = TRAINING_BATCHES) -> Cifar:
    """The synthetic stand-in, with as many batches as `load_cifar` would read."""
    check_batches(batches)
    training_batches, test_batch = kept_batches()
    training = [Images(*batch) for batch in training_batches[: batches + 1]]
    test = Images(*test_batch)
    source = Source("synthetic", None, (), None, _digest(training, test))
    return Cifar(tuple(training), test, LABEL_NAMES, source)


def load_dataset(
    option: str | None = None,
    *,
    batches: int = TRAINING_BATCHES,
    train_size: int | None = None,
    dtype: DTypeLike = np.float32,
    per_file: bool = False,
) -> Dataset:
    """Find and read CIFAR-10, or generate the stand-in; split and standardise it.

    Arguments:
        option: the value of --data; see `locate_data`.
        batches: number of batches to train on; see `split`.
        train_size: number of training images to keep; None for all.
        dtype: of the standardised images.
        per_file: standardise every file on its own, as the published code did; see
            `standardized_per_file`.

    Raises:
        UserError: as in `locate_data`, `load_cifar` and `split`.
    """
    path = locate_data(option)
    cifar = synthetic_cifar(batches=batches) if path is None else load_cifar(path, batches=batches)
    parts = split(cifar, batches=batches, train_size=train_size)
    standardized = standardized_per_file if per_file else standardized_by_training
    training, validation, test = standardized(cifar, parts, dtype)
    return Dataset(training, validation, test, CLASSES, cifar.source.identity())


def load_for(option: str | None, recipe: Recipe) -> Dataset:
    """The dataset for a recipe; see `load_dataset`."""
    return load_dataset(
        option,
        batches=recipe.batches,
        train_size=recipe.train_size,
        dtype=recipe.dtype,
        per_file=recipe.per_file_standardization,
    )


def standardized_by_training(cifar: Cifar, parts: Parts, dtype: DTypeLike) -> list[Split]:
    """Standardise all images by the mean and standard deviation of the training images."""
    training = pixel_sums([piece.images for piece in parts.training]).standardization()
    return [
        Split(
            training.apply([piece.images for piece in pieces], dtype),
            np.concatenate([piece.labels for piece in pieces]),
        )
        for pieces in (parts.training, (parts.validation,), (parts.test,))
    ]


def standardized_per_file(cifar: Cifar, parts: Parts, dtype: DTypeLike) -> list[Split]:
    """Standardise each image by the mean and standard deviation (N - 1) of its whole file.

    Arguments:
        cifar: the whole files. Each training piece is in one of the first files, in order; the
            validation images are in the last.
        parts: the parts of these files.
        dtype: of the result.
    """
    files = [pixel_sums([file.images]).standardization(ddof=1) for file in cifar.batches]
    test = pixel_sums([cifar.test.images]).standardization(ddof=1)

    def split_of(pieces: Sequence[Images], by: Sequence[Standardization]) -> Split:
        X = [own.apply([piece.images], dtype) for piece, own in zip(pieces, by, strict=True)]
        return Split(np.concatenate(X), np.concatenate([piece.labels for piece in pieces]))

    return [
        split_of(parts.training, files[: len(parts.training)]),
        split_of([parts.validation], files[-1:]),
        split_of([parts.test], [test]),
    ]


def _digest(training: list[Images], test: Images) -> str:
    return content_digest((part.images, part.labels) for part in (*training, test))
