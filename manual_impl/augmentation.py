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
    jitter = augmentation.jitter[update]  # (n, 2)
    side = image_side(X.shape[1], int(np.abs(shift).max()))
    images = X.reshape(len(X), CHANNELS, side, side)
    moved = np.zeros_like(images)
    # One copy of a rectangle per image: an index for every pixel takes 3.5 times as long.
    for to, image, mirrored, (down, right) in zip(
        moved, images, flip.tolist(), shift.tolist(), strict=True
    ):
        source = image[:, :, ::-1] if mirrored else image
        rows, columns = overlap(down, side), overlap(right, side)
        to[:, rows[0], columns[0]] = source[:, rows[1], columns[1]]
    varied = moved.reshape(len(X), -1)
    if (jitter != (1, 0)).any():
        contrast, brightness = jitter.T.astype(X.dtype)[..., None]  # (n, 1) each
        varied *= contrast
        varied += brightness
    return varied


def overlap(shift: int, side: int) -> tuple[slice, slice]:
    """Target and source of the visible pixels along one axis."""
    kept = side - abs(shift)
    to, source = max(shift, 0), max(-shift, 0)
    return slice(to, to + kept), slice(source, source + kept)
