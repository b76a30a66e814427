import numpy as np
import pytest

from twingrad.augmentation import draw_augmentation, image_side
from twingrad.errors import UserError

EVERYTHING = {"flip": True, "shift": 3, "jitter": 0.2}


def draw(seed=0, epoch=0, shape=(40, 100), **changes):
    return draw_augmentation(seed, epoch, shape, **EVERYTHING | changes)


def bytes_of(drawn):
    return [value.tobytes() for value in vars(drawn).values()]


def test_shapes_and_dtypes():
    drawn = draw()
    assert [value.shape for value in vars(drawn).values()] == [
        (40, 100),
        (40, 100, 2),
        (40, 100, 2),
    ]
    assert [str(value.dtype) for value in vars(drawn).values()] == ["bool", "int64", "float64"]


def test_every_second_image_is_flipped():
    # 4,000 coins: five standard errors of a share
    assert abs(draw().flip.mean() - 0.5) < 5 * 0.5 / np.sqrt(4000)


def test_every_shift_is_as_likely_as_any_other():
    for axis in (0, 1):
        values, counts = np.unique(draw().shift[..., axis], return_counts=True)
        assert values.tolist() == [-3, -2, -1, 0, 1, 2, 3]
        # five standard errors of a share of 1/7
        assert np.abs(counts / 4000 - 1 / 7).max() < 5 * np.sqrt(6 / 49 / 4000)


def test_contrast_is_around_1_and_brightness_around_0():
    jitter = draw().jitter.reshape(-1, 2)
    # five standard errors of a mean and of a standard deviation
    assert np.abs(jitter.mean(axis=0) - (1, 0)).max() < 5 * 0.2 / np.sqrt(4000)
    assert np.abs(jitter.std(axis=0) - 0.2).max() < 5 * 0.2 / np.sqrt(8000)


def test_what_is_off_leaves_the_images_alone():
    drawn = draw(flip=False, shift=0, jitter=0.0)
    assert not drawn.flip.any()
    assert not drawn.shift.any()
    assert (drawn.jitter == (1, 0)).all()


@pytest.mark.parametrize("changes", [{"flip": False}, {"shift": 0}, {"jitter": 0.0}])
def test_one_kind_does_not_move_the_draws_of_the_next(changes):
    left, whole = draw(**changes), draw()
    for name in EVERYTHING:
        if name not in changes:
            assert getattr(left, name).tobytes() == getattr(whole, name).tobytes()


def test_equal_seeds_draw_equal_bits():
    assert bytes_of(draw(seed=4, epoch=2)) == bytes_of(draw(seed=4, epoch=2))


@pytest.mark.parametrize("other", [{"seed": 1}, {"epoch": 1}])
def test_seed_and_epoch_change_every_draw(other):
    for one, two in zip(bytes_of(draw()), bytes_of(draw(**other)), strict=True):
        assert one != two


@pytest.mark.parametrize(("inputs", "shift", "side"), [(3072, 31, 32), (3, 0, 1), (48, 3, 4)])
def test_the_side_of_an_image(inputs, shift, side):
    assert image_side(inputs, shift) == side


@pytest.mark.parametrize("inputs", [24, 3071, 1024, 2])
def test_samples_that_are_no_images_are_refused(inputs):
    with pytest.raises(UserError, match=rf"samples have {inputs} values.*3 x 32 x 32"):
        image_side(inputs, 0)


@pytest.mark.parametrize("shift", [32, 100])
def test_a_shift_out_of_sight_is_refused(shift):
    with pytest.raises(UserError, match=rf"--shift is {shift}, .*32 x 32 allow at most 31"):
        image_side(3072, shift)
