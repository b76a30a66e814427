import numpy as np
import pytest
import torch

from manual_impl.augmentation import augment as by_hand
from torch_impl.augmentation import augment
from twingrad.augmentation import draw_augmentation
from twingrad.errors import UserError


@pytest.mark.parametrize(
    ("flip", "shift", "jitter"), [(True, 0, 0.0), (False, 2, 0.0), (False, 0, 0.3), (True, 4, 0.3)]
)
@pytest.mark.parametrize("networks", [(), (2,)])
def test_images_are_those_by_hand(flip, shift, jitter, networks):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((*networks, 3, 20, 75))  # 3 updates of 20 images of 3 x 5 x 5
    draws = draw_augmentation(4, 0, X.shape[:-1], flip=flip, shift=shift, jitter=jitter)
    found = augment(*map(torch.from_numpy, (X, draws.flip, draws.shift, draws.jitter)))
    flat = draw_augmentation(4, 0, (1, X[..., 0].size), flip=flip, shift=shift, jitter=jitter)
    expected = by_hand(X.reshape(-1, 75), flat, 0).reshape(X.shape)
    # the same two roundings a pixel
    assert found.numpy().tobytes() == expected.tobytes()
    assert not np.array_equal(found.numpy(), X)


def test_float32_stays_float32():
    X = torch.ones(4, 27)
    draws = draw_augmentation(4, 0, (4,), flip=True, shift=1, jitter=0.1)
    drawn = map(torch.from_numpy, (draws.flip, draws.shift, draws.jitter))
    assert augment(X, *drawn).dtype == torch.float32


def test_what_is_no_image_is_refused():
    X = torch.ones(4, 24)
    draws = draw_augmentation(4, 0, (4,), flip=True, shift=0, jitter=0)
    with pytest.raises(UserError, match="24 values"):
        augment(X, *map(torch.from_numpy, (draws.flip, draws.shift, draws.jitter)))
