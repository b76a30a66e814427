"""Read the binary layout: 10,000 rows of one label byte and 3072 pixel bytes."""

import numpy as np

from twingrad.cifar.images import (
    BATCH_IMAGES,
    PIXELS,
    Images,
    checked_images,
    checked_label_names,
    damaged,
)

_ROW = 1 + PIXELS


def read_batch(raw: bytes, where: str) -> Images:
    """The images of a data_batch_N.bin or test_batch.bin.

    Arguments:
        raw: the whole file.
        where: its name, for messages.

    Raises:
        UserError: the size is wrong or a label is not in 0..9.
    """
    if len(raw) != BATCH_IMAGES * _ROW:
        expected = f"{BATCH_IMAGES * _ROW} ({BATCH_IMAGES} rows of {_ROW})"
        raise damaged(where, f"{len(raw)} bytes", expected)
    rows = np.frombuffer(raw, np.uint8).reshape(BATCH_IMAGES, _ROW)
    return checked_images(where, rows[:, 1:], rows[:, 0])


def read_label_names(raw: bytes, where: str) -> tuple[str, ...]:
    """The class names in batches.meta.txt, one per line.

    Raises:
        UserError: there are not ten.
    """
    return checked_label_names(where, [*filter(None, raw.split())])
