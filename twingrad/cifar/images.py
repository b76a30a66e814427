"""Images in memory before they are standardised, and the validation of batches."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int64, UInt8

from twingrad.cifar.source import Source
from twingrad.errors import UserError

CLASSES = 10
COLOURS = ("red", "green", "blue")
PIXELS = 3072  # 3 colours x 32 rows x 32 columns
BATCH_IMAGES = 10_000
TRAINING_BATCHES = 5
LABEL_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


@dataclass(frozen=True)
class Images:
    """Labelled images, one per row.

    A row of `images` holds 1024 red, 1024 green and 1024 blue values, each colour row by row, as
    in CIFAR-10's files. `labels` holds the classes, 0..9.
    """

    images: UInt8[np.ndarray, "n 3072"]
    labels: Int64[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, start: int, stop: int) -> "Images":
        """Images start to stop - 1, without a copy."""
        return Images(self.images[start:stop], self.labels[start:stop])


@dataclass(frozen=True)
class Cifar:
    """CIFAR-10 as read: the training batches in order, and the test images."""

    batches: tuple[Images, ...]
    test: Images
    label_names: tuple[str, ...]
    source: Source


def damaged(where: str, found: str, expected: str) -> UserError:
    """The error for a file that does not have CIFAR-10's format."""
    return UserError(
        f"{where}: found {found}, expected {expected}; replace it by an intact copy "
        "(`twingrad data download` fetches one)"
    )


def checked_images(where: str, pixels: Any, labels: Any) -> Images:
    """Check the arrays of one batch.

    Arguments:
        where: the file, for messages.
        pixels: expected to be uint8 (10000, 3072).
        labels: expected to be integers (10000,) in 0..9.

    Raises:
        UserError: they are not.
    """
    if pixels.dtype != np.uint8 or pixels.shape != (BATCH_IMAGES, PIXELS):
        found = f"images of dtype {pixels.dtype} and shape {pixels.shape}"
        raise damaged(where, found, f"uint8 and ({BATCH_IMAGES}, {PIXELS})")
    if labels.dtype.kind not in "iu" or labels.shape != (BATCH_IMAGES,):
        found = f"labels of dtype {labels.dtype} and shape {labels.shape}"
        raise damaged(where, found, f"integers and ({BATCH_IMAGES},)")
    wrong = np.flatnonzero((labels < 0) | (labels >= CLASSES))
    if len(wrong):
        found = f"label {labels[wrong[0]]} at image {wrong[0]}"
        raise damaged(where, found, f"labels 0 to {CLASSES - 1}")
    return Images(np.ascontiguousarray(pixels), labels.astype(np.int64))


def checked_label_names(where: str, names: list[Any]) -> tuple[str, ...]:
    """Check that the class names are ten strings.

    Arguments:
        where: the file, for messages.
        names: each str or ASCII bytes.

    Raises:
        UserError: they are not.
    """
    texts = [name.decode("ascii", "replace") if isinstance(name, bytes) else name for name in names]
    if len(texts) != CLASSES or not all(isinstance(text, str) for text in texts):
        raise damaged(where, f"{len(texts)} class names", f"{CLASSES}, each of them text")
    return tuple(texts)
