"""Data ready for training: standardised, split in three, with the identity of its source."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Split:
    """One part of the data, samples in rows.

    X is C-contiguous, in the dtype of the training; y holds the classes, from 0.
    """

    X: Float[np.ndarray, "n d"]
    y: Int[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Dataset:
    """The data of a training.

    identity, ready for JSON, identifies the data: name, path, layout, digest of the content,
    whether the files are the official ones, whether they are the synthetic stand-in.
    """

    training: Split
    validation: Split
    test: Split
    classes: int
    identity: dict[str, Any]
