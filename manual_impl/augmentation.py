"""Apply flips, shifts and jitter to the images of a minibatch."""

import numpy as np
from jaxtyping import Shaped

from twingrad.augmentation import CHANNELS, Augmentation, image_side


def augment(
    X: Shaped[np.ndarray, "n d"], augmentation: Augmentation, update: int
) -> Shaped[np.ndarray, "n d"]:
    """Augment the minibatch of one update, each image by its own draw.

    Arguments:
        X: standardised images, channels first, row by row.
        augmentation: the draws of one epoch.
        update: number of the update within the epoch, from 0.
    """
    flip, shift = augmentation.flip[update], augmentation.shift[update]  # (n,), (n, 2)
    side = image_side(X.shape[1], int(np.abs(shift).max()))
    images = X.reshape(len(X), CHANNELS, side, side)
    targets = np.arange(side)
    rows = targets - shift[:, :1]  # (n, side): the source of each pixel
    columns = targets - shift[:, 1:]
    inside = ((rows >= 0) & (rows < side))[:, :, None] & ((columns >= 0) & (columns < side))[
        :, None
    ]
    columns = np.where(flip[:, None], side - 1 - columns, columns)
    n = np.arange(len(X))[:, None, None]
    moved = images[n, :, (rows % side)[:, :, None], (columns % side)[:, None]]  # (n, side, side, C)
    moved = np.where(inside[..., None], moved, X.dtype.type(0)).transpose(0, 3, 1, 2)
    contrast, brightness = augmentation.jitter[update].T.astype(X.dtype)[..., None]  # (n, 1) each
    return moved.reshape(len(X), -1) * contrast + brightness
