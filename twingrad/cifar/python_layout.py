"""Read the Python layout: pickled dicts with `data` and `labels`."""

from typing import Any

import numpy as np

from twingrad.cifar.images import (
    BATCH_IMAGES,
    PIXELS,
    Images,
    checked_images,
    checked_label_names,
    damaged,
)
from twingrad.cifar.pickles import PickledArray, unpickle


def read_batch(raw: bytes, where: str) -> Images:
    """The images of a data_batch_N or test_batch.

    Arguments:
        raw: the whole file.
        where: its name, for messages.

    Raises:
        UserError: it is not a pickle, tries to import anything, or its types, shapes or labels
            are wrong.
    """
    content = unpickle(raw, where)
    data = _entry(content, "data", PickledArray, where)
    labels = _entry(content, "labels", list, where)
    strange = next((label for label in labels if type(label) is not int), 0)
    if type(strange) is not int:
        raise damaged(where, f"a label of type {type(strange).__name__}", "integers")
    try:
        classes = np.array(labels, np.int64)
    except OverflowError as error:
        raise damaged(where, "a label beyond 64 bits", "labels 0 to 9") from error
    pixels = data.array(where, (BATCH_IMAGES, PIXELS))
    return checked_images(where, pixels, classes)


def read_label_names(raw: bytes, where: str) -> tuple[str, ...]:
    """The class names in batches.meta.

    Raises:
        UserError: it is not a pickle, tries to import anything, or does not hold ten names.
    """
    return checked_label_names(where, _entry(unpickle(raw, where), "label_names", list, where))


def _entry(content: Any, name: str, kind: type, where: str) -> Any:
    """An entry of the dict; Python 2 wrote its key as bytes, Python 3 as text."""
    if not isinstance(content, dict):
        raise damaged(where, f"a pickled {type(content).__name__}", "a pickled dict")
    value = content.get(name.encode(), content.get(name))
    if not isinstance(value, kind):
        expected = "an array" if kind is PickledArray else f"a {kind.__name__}"
        found = "none" if value is None else f"a {type(value).__name__}"
        raise damaged(where, f"{found} under {name!r}", expected)
    return value
