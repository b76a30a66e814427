"""Images ready for training: standardised, split in three, with the identity of their source."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Split:
    """One part of the data, samples in rows.

    X is C-contiguous in the dtype that the training runs in; y holds the classes, from 0.
    """

    X: Float[np.ndarray, "n d"]
    y: Int[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Dataset:
    """What a training sees.

    identity is JSON-ready and says which data these are: name, path, layout, digest of the
    content, whether the files are the official ones, whether they are a synthetic stand-in.
    """

    training: Split
    validation: Split
    test: Split
    classes: int
    identity: dict[str, Any]
