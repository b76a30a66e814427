"""Read the Matlab layout: MAT-files with `data` (10000, 3072) and `labels` (10000, 1)."""

import io

import numpy as np

from twingrad.cifar.images import Images, checked_images, checked_label_names, damaged


def read_batch(raw: bytes, where: str) -> Images:
    """The images of a data_batch_N.mat or test_batch.mat.

    Arguments:
        raw: the whole file.
        where: its name, for messages.

    Raises:
        UserError: it is not a MAT-file, or its dtypes, shapes or labels are wrong.
    """
    data, labels = _variables(raw, where, "data", "labels")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    return checked_images(where, data, labels)


def read_label_names(raw: bytes, where: str) -> tuple[str, ...]:
    """The class names in batches.meta.mat: a cell array `label_names` (10, 1).

    Raises:
        UserError: it is not a MAT-file, or there are not ten names.
    """
    (cells,) = _variables(raw, where, "label_names")
    names = [cell.item() if np.size(cell) == 1 else None for cell in cells.ravel()]
    return checked_label_names(where, names)


def _variables(raw: bytes, where: str, *names: str) -> list[np.ndarray]:
    from scipy.io import loadmat

    try:
        content = loadmat(io.BytesIO(raw), variable_names=names)
    except Exception as error:  # for a damaged MAT-file scipy raises almost any exception
        raise damaged(where, f"no MAT-file ({type(error).__name__})", "one") from error
    missing = [name for name in names if name not in content]
    if missing:
        raise damaged(where, f"no variable {missing[0]!r}", " and ".join(names))
    return [content[name] for name in names]
