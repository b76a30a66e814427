import numpy as np
import pytest

from twingrad.cifar.images import LABEL_NAMES, Cifar, Images
from twingrad.cifar.source import Source
from twingrad.cifar.split import split
from twingrad.errors import UserError


@pytest.fixture(scope="module")
def cifar():
    """Images whose label tells their place in the whole: batch * 10,000 + row."""
    images = np.zeros((10_000, 1), np.uint8)
    batches = [Images(images, np.arange(10_000) + 10_000 * batch) for batch in range(6)]
    source = Source("synthetic", None, (), None, "")
    return Cifar(tuple(batches[:5]), batches[5], LABEL_NAMES, source)


def places(pieces):
    return np.concatenate([piece.labels for piece in pieces])


def test_all_batches_make_45000_5000_and_10000(cifar):
    parts = split(cifar)
    assert np.array_equal(places(parts.training), np.arange(45_000))
    assert np.array_equal(parts.validation.labels, np.arange(45_000, 50_000))
    assert np.array_equal(parts.test.labels, np.arange(50_000, 60_000))


@pytest.mark.parametrize("batches", [1, 2, 4])
def test_fewer_batches_are_validated_on_the_next_one_whole(cifar, batches):
    parts = split(cifar, batches=batches)
    assert np.array_equal(places(parts.training), np.arange(10_000 * batches))
    assert np.array_equal(parts.validation.labels, np.arange(10_000) + 10_000 * batches)


@pytest.mark.parametrize("size", [1, 10_000, 10_001, 45_000])
def test_a_train_size_keeps_the_first_images(cifar, size):
    assert np.array_equal(places(split(cifar, train_size=size).training), np.arange(size))


@pytest.mark.parametrize("size", [-1, 0, 45_001])
def test_a_train_size_out_of_range_is_refused(cifar, size):
    with pytest.raises(UserError, match=f"--train-size {size}: expected 1 to 45000"):
        split(cifar, train_size=size)


@pytest.mark.parametrize("batches", [0, 6])
def test_batches_out_of_range_are_refused(cifar, batches):
    with pytest.raises(UserError, match=f"--batches {batches}: expected 1 to 5"):
        split(cifar, batches=batches)


def test_nothing_is_copied(cifar):
    assert np.shares_memory(split(cifar).validation.images, cifar.batches[4].images)
