"""Random draws of image augmentation; each implementation applies them itself.

The images are standardised, so a pixel shifted in from outside is 0, the training mean.
"""

from dataclasses import dataclass
from math import isqrt

import numpy as np
from jaxtyping import Bool, Float, Int

from twingrad.errors import UserError
from twingrad.streams import stream

CHANNELS = 3


@dataclass(frozen=True)
class Augmentation:
    """One draw for each image; `n` may be several axes.

    Arguments:
        flip: whether to mirror left and right.
        shift: pixels down and pixels to the right; negative for up and left.
        jitter: contrast, a factor, and brightness, a term added afterwards.
    """

    flip: Bool[np.ndarray, "*n"]
    shift: Int[np.ndarray, "*n 2"]
    jitter: Float[np.ndarray, "*n 2"]


def draw_augmentation(
    seed: int, epoch: int, shape: tuple[int, ...], *, flip: bool, shift: int, jitter: float
) -> Augmentation:
    """Draw the augmentation of one epoch, from the stream "augmentation".

    Arguments:
        seed: the run's seed.
        epoch: from 0.
        shape: (updates, batch).
        flip: whether to flip each image with probability 1/2.
        shift: maximum shift in pixels in each direction; all shifts are equally likely.
        jitter: standard deviation of the brightness, and of the contrast around 1, in units of
            the standardised pixels.

    Returns:
        Arrays (updates, batch, ...): bool, int64 and float64.
    """
    rng = stream(seed, "augmentation", epoch)
    flips = rng.random(shape) < 0.5 * flip
    jitters = jitter * rng.standard_normal((*shape, 2)) + (1, 0)
    shifts = rng.integers(-shift, shift + 1, (*shape, 2))  # last: with shift 0 nothing is drawn
    return Augmentation(flips, shifts, jitters)


def image_side(inputs: int, shift: int) -> int:
    """Height and width of square images that have `inputs` values, channels first.

    Raises:
        UserError: the samples are not square images of 3 channels, or the shift is too large.
    """
    side = isqrt(inputs // CHANNELS)
    if inputs != CHANNELS * side * side:
        raise UserError(
            f"samples have {inputs} values, but flips, shifts and jitter need square images of "
            f"{CHANNELS} channels, such as 3 x 32 x 32 = 3072"
        )
    if shift >= side:
        raise UserError(
            f"--shift is {shift}, but images of {side} x {side} allow at most {side - 1}"
        )
    return side
