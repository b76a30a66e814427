import hashlib
import itertools

import numpy as np
import pytest

from twingrad.cifar import synthetic
from twingrad.cifar.synthetic import synthetic_batches

DIGEST = "a76817fed96a4d59298abeb1d62d669a1746a6349a035bfe14912d51794b027c"
PREFIX_DIGEST = "4e139cdd689837f1886926318b82c7825cb1425b23e37aedfb5e4446c1fbb0af"


@pytest.fixture(scope="module")
def data():
    training, test = synthetic_batches()
    return [*training, test]


def test_shapes_and_types_are_those_of_cifar_10(data):
    assert len(data) == 6
    for images, labels in data:
        assert (images.shape, images.dtype) == ((10_000, 3072), np.uint8)
        assert (labels.shape, labels.dtype) == ((10_000,), np.int64)
        assert images.flags.c_contiguous


def test_every_batch_has_a_thousand_images_a_class_in_random_order(data):
    for _, labels in data:
        assert np.array_equal(np.bincount(labels), np.full(10, 1000))
        # 1,000 draws of one class in ten: 100 expected, standard deviation 9.
        assert np.all(np.abs(np.bincount(labels[:1000]) - 100) < 45)


def test_first_images_are_the_same_on_every_machine(data):
    images, labels = data[0]
    digest = hashlib.sha256(images[:100].tobytes() + labels[:100].tobytes()).hexdigest()
    assert digest == PREFIX_DIGEST


def test_all_data_are_the_same_on_every_machine(data):
    digest = hashlib.sha256()
    for images, labels in data:
        digest.update(images)
        digest.update(labels)
    assert digest.hexdigest() == DIGEST


def test_float32_holds_every_sum_exactly():
    latent = 4 * synthetic.NUISANCE + synthetic.SIGNAL * synthetic.SIGNS
    waves = synthetic._waves()
    assert np.array_equal(waves, np.rint(waves))
    assert latent * np.abs(waves).sum(axis=0).max() < 2**24


def test_another_seed_gives_other_images_and_labels(data):
    images, labels = synthetic_batches(1)[0][0]
    assert (images == data[0][0]).mean() < 0.02
    assert (labels == data[0][1]).mean() < 0.12


def test_batches_differ_from_each_other(data):
    for (images, labels), (others, other_labels) in itertools.combinations(data, 2):
        assert (images[:1000] == others[:1000]).mean() < 0.02
        assert (labels == other_labels).mean() < 0.12


def test_grey_levels_are_spread_like_those_of_images(data):
    images = data[0][0]
    assert 115 < images.mean() < 140
    assert 45 < images.std() < 75
    assert np.isin(images, [0, 255]).mean() < 0.08


def test_the_layout_is_three_planes_of_smooth_rows(data):
    planes = data[0][0][:500].reshape(-1, 3, 32, 32).astype(np.float64)
    planes -= planes.mean(axis=0)
    variance = (planes**2).mean()
    assert (planes[:, :, 1:] * planes[:, :, :-1]).mean() > 0.8 * variance
    assert (planes[..., 1:] * planes[..., :-1]).mean() > 0.8 * variance


@pytest.fixture(scope="module")
def block_means(data):
    """Means of 8 by 8 blocks in each plane, about 1 in size: nearly all the signal, (n, 48)."""

    def reduce(images):
        blocks = images.reshape(-1, 3, 4, 8, 4, 8).mean(axis=(3, 5), dtype=np.float32)
        return (blocks.reshape(-1, 48) - 128) / 64

    # Two training batches and the test batch: enough for the 1,225 features of the products.
    return [(reduce(images), labels) for images, labels in (data[0], data[1], data[5])]


def _least_squares_accuracy(features, batches):
    *training, (test_means, test_labels) = batches
    design = np.concatenate([features(means) for means, _ in training])
    targets = np.eye(10, dtype=np.float32)[np.concatenate([labels for _, labels in training])]
    weights = np.linalg.solve(design.T @ design, design.T @ targets)
    return ((features(test_means) @ weights).argmax(axis=1) == test_labels).mean()


def _linear(means):
    return np.hstack([np.ones((len(means), 1), np.float32), means])


def _quadratic(means):
    rows, columns = np.triu_indices(means.shape[1])
    return np.hstack([_linear(means), means[:, rows] * means[:, columns]])


def test_a_linear_classifier_learns_something_but_not_much(block_means):
    assert 0.35 < _least_squares_accuracy(_linear, block_means) < 0.50


def test_products_tell_classes_apart_that_a_linear_classifier_does_not(block_means):
    linear = _least_squares_accuracy(_linear, block_means)
    assert linear + 0.05 < _least_squares_accuracy(_quadratic, block_means) < 0.70
