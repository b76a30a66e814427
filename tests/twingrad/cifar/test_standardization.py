from pathlib import Path

import numpy as np

from twingrad.cifar.standardization import pixel_sums

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "load_batch.npz"


def test_the_published_loader_s_values():
    i, j = np.arange(10_000, dtype=np.int64)[:, None], np.arange(3072, dtype=np.int64)
    images = ((31 * i * i + 17 * j + 7 * i * j + (i * j) // 13) % 256).astype(np.uint8)
    with np.load(GOLDEN) as golden:
        values = pixel_sums([images]).standardization(ddof=1).apply([images], np.float64)
        found = values[np.ix_(golden["img"], golden["pix"])].T
        np.testing.assert_allclose(found, golden["X_sub"], rtol=1e-12, atol=1e-13)
        labels = (7 * i[:, 0] + i[:, 0] // 13) % 10
        assert np.array_equal(labels[golden["img"]], golden["y_sub"])


def test_statistics_are_those_of_the_plain_formula():
    images = np.random.default_rng(0).integers(0, 256, (2_345, 20)).astype(np.uint8)
    statistics = pixel_sums([images[:1000], images[1000:]]).standardization()
    np.testing.assert_allclose(statistics.mean, (images / 255).mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(statistics.std, (images / 255).std(axis=0), rtol=1e-13)


def test_a_pixel_that_never_varies_is_centred_alone():
    images = np.full((5, 2), 200, np.uint8)
    images[:, 1] = range(5)
    standardization = pixel_sums([images]).standardization()
    values = standardization.apply([images], np.float64)
    assert np.array_equal(values[:, 0], np.zeros(5))
    assert abs(values[:, 1].std() - 1) < 1e-14
    assert standardization.apply([images], np.float32).dtype == np.float32
