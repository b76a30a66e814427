"""Flips, shifts and jitter on images that fit on paper."""

import numpy as np
import pytest

from manual_impl.augmentation import augment
from twingrad.augmentation import Augmentation

IMAGE = np.arange(1.0, 28).reshape(3, 3, 3)  # 1, 2, 3 in the first row of the first channel


def one(flip=False, shift=(0, 0), jitter=(1, 0)):
    """The image varied so in update 1 of two; update 0 draws something else."""
    draws = Augmentation(
        np.array([[not flip], [flip]]),
        np.array([[(1, 1)], [shift]]),
        np.array([[(3.0, 3.0)], [jitter]]),
    )
    return augment(IMAGE.reshape(1, 27), draws, 1).reshape(3, 3, 3)


def test_nothing_drawn_leaves_the_image():
    assert (one() == IMAGE).all()


def test_a_flip_exchanges_left_and_right_in_every_channel():
    assert one(flip=True)[0].tolist() == [[3, 2, 1], [6, 5, 4], [9, 8, 7]]
    assert (one(flip=True) == IMAGE[:, :, ::-1]).all()


@pytest.mark.parametrize(
    ("shift", "expected"),
    [
        ((1, 0), [[0, 0, 0], [1, 2, 3], [4, 5, 6]]),
        ((-1, 0), [[4, 5, 6], [7, 8, 9], [0, 0, 0]]),
        ((0, 1), [[0, 1, 2], [0, 4, 5], [0, 7, 8]]),
        ((0, -2), [[3, 0, 0], [6, 0, 0], [9, 0, 0]]),
        ((2, 1), [[0, 0, 0], [0, 0, 0], [0, 1, 2]]),
    ],
)
def test_a_shift_goes_down_and_to_the_right_and_brings_in_zeros(shift, expected):
    found = one(shift=shift)
    assert found[0].tolist() == expected
    assert (found[2] == np.where(np.array(expected) > 0, np.array(expected) + 18, 0)).all()


def test_an_image_is_flipped_before_it_is_shifted():
    assert one(flip=True, shift=(0, 1))[0].tolist() == [[0, 3, 2], [0, 6, 5], [0, 9, 8]]


def test_contrast_multiplies_and_brightness_is_added():
    assert (one(jitter=(0.5, 2)) == 0.5 * IMAGE + 2).all()


def test_every_image_has_its_own_draw():
    X = np.stack([IMAGE.reshape(27)] * 2)
    draws = Augmentation(
        np.array([[True, False]]), np.array([[(0, 0), (1, 0)]]), np.ones((1, 2, 2)) * (1, 0)
    )
    first, second = augment(X, draws, 0).reshape(2, 3, 3, 3)
    assert (first == IMAGE[:, :, ::-1]).all()
    assert second[0].tolist() == [[0, 0, 0], [1, 2, 3], [4, 5, 6]]


def test_float32_stays_float32():
    draws = Augmentation(np.array([[True]]), np.array([[(1, 0)]]), np.array([[(1.1, 0.1)]]))
    assert augment(IMAGE.reshape(1, 27).astype(np.float32), draws, 0).dtype == np.float32
