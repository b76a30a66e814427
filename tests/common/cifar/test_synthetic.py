import hashlib

import numpy as np
import pytest

from common.cifar import synthetic
from common.cifar.synthetic import synthetic_batches

DIGEST = "a76817fed96a4d59298abeb1d62d669a1746a6349a035bfe14912d51794b027c"
PREFIX_DIGEST = ""


@pytest.fixture(scope="module")
def data():
    training, test = synthetic_batches()
    return [*training, test]


def test_shapes_and_types_are_those_of_cifar_10():
    training, test = synthetic_batches(3)
    assert len(training) == 5
    for images, labels in [*training, test]:
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
    for (images, labels), (others, other_labels) in zip(data, data[1:], strict=False):
        assert (images == others).mean() < 0.02
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


def _block_means(images):
    """8 by 8 blocks of each plane, scaled to about 1: nearly all the signal, (n, 48)."""
    blocks = images.reshape(-1, 3, 4, 8, 4, 8).mean(axis=(3, 5), dtype=np.float32)
    return (blocks.reshape(-1, 48) - 128) / 64


def _least_squares_accuracy(data, features):
    design = np.concatenate([features(images) for images, _ in data[:5]])
    targets = np.eye(10, dtype=np.float32)[np.concatenate([labels for _, labels in data[:5]])]
    gram = design.T @ design + 10 * np.eye(design.shape[1], dtype=np.float32)
    weights = np.linalg.solve(gram, design.T @ targets - 0.1 * design.sum(axis=0)[:, None])
    images, labels = data[5]
    return ((features(images) @ weights).argmax(axis=1) == labels).mean()


def test_a_linear_classifier_learns_something_but_not_much(data):
    accuracy = _least_squares_accuracy(data, _block_means)
    print("LIN", accuracy)
    assert 0.30 < accuracy < 0.50


def test_products_of_pixels_tell_classes_apart_that_a_linear_classifier_does_not(data):
    rows, columns = np.triu_indices(48)

    def with_products(images):
        means = _block_means(images)
        return np.concatenate([means, means[:, rows] * means[:, columns]], axis=1)

    linear = _least_squares_accuracy(data, _block_means)
    quadratic = _least_squares_accuracy(data, with_products)
    print("QUAD", linear, quadratic)
    assert linear + 0.08 < quadratic < 0.70
