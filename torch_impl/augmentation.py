"""Apply flips, shifts and jitter to the images of a minibatch, on their device."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from twingrad.augmentation import CHANNELS, image_side


def augment(
    X: Float[Tensor, "*n d"],
    flip: Bool[Tensor, "*n"],
    shift: Int[Tensor, "*n 2"],
    jitter: Float[Tensor, "*n 2"],
) -> Float[Tensor, "*n d"]:
    """Augment each image by its own draw, without waiting for the device.

    Arguments:
        X: standardised images, channels first, row by row.
        flip, shift, jitter: as in `twingrad.augmentation.Augmentation`.
    """
    side = image_side(X.shape[-1], 0)
    targets = torch.arange(side, device=X.device)
    # (n, side): the source of each pixel
    rows, columns = (targets - offset for offset in shift.split(1, dim=-1))
    inside = in_range(rows, side)[..., :, None] & in_range(columns, side)[..., None, :]
    columns = torch.where(flip[..., None], side - 1 - columns, columns)
    pixels = (rows % side)[..., :, None] * side + (columns % side)[..., None, :]
    images = X.unflatten(-1, (CHANNELS, side * side))  # (n, C, side^2)
    moved = images.gather(-1, pixels.flatten(-2)[..., None, :].expand_as(images))
    moved = torch.where(inside.flatten(-2)[..., None, :], moved, 0).flatten(-2)  # (n, d)
    contrast, brightness = jitter.to(X.dtype).split(1, dim=-1)  # (n, 1) each
    return moved * contrast + brightness


def in_range(pixels: Tensor, side: int) -> Tensor:
    """Which of the row or column numbers lie within an image."""
    return (pixels >= 0) & (pixels < side)
