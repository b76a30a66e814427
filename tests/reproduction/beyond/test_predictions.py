"""Ensembles, averages and flips, on numbers that can be followed."""

import numpy as np
import pytest

from reproduction.beyond.predictions import Average, ensemble_accuracy, mirrored, probabilities
from twingrad.dataset import Split
from twingrad.initialization import initialize
from twingrad.network import Network

NETWORK = Network(12, (6,), 10, "batch")


def state(seed):
    values = dict(initialize(NETWORK, "he", seed))
    return values | {"mu1": np.full(6, 0.1), "v1": np.full(6, 2.0)}


def images(n):
    return np.random.default_rng(0).standard_normal((n, 12))


def test_a_mirror_image_exchanges_left_and_right():
    assert mirrored(np.arange(12.0)[None]).tolist() == [[1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10]]


@pytest.mark.parametrize("backend", ["manual", "torch"])
def test_flips_average_over_both_views(backend):
    X = images(5)
    both = [probabilities(NETWORK, state(0), x, backend, flips=False) for x in (X, mirrored(X))]
    found = probabilities(NETWORK, state(0), X, backend, flips=True)
    assert np.allclose(found, np.mean(both, axis=0), rtol=1e-14)
    assert np.abs(both[0] - both[1]).max() > 0.01


def test_both_backends_predict_alike():
    found = [
        probabilities(NETWORK, state(0), images(5), backend, flips=True)
        for backend in ("manual", "torch")
    ]
    assert np.abs(found[0] - found[1]).max() < 1e-14


def test_an_ensemble_predicts_by_mean_probabilities():
    X = images(600)
    members = [state(0), state(1), state(2)]
    each = [probabilities(NETWORK, one, X, "manual", flips=False) for one in members]
    y = np.mean(each, axis=0).argmax(axis=1)
    assert ensemble_accuracy(NETWORK, members, Split(X, y), "manual", flips=False) == 1
    assert ensemble_accuracy(NETWORK, members[:1], Split(X, y), "manual", flips=False) < 0.9


def test_an_average_is_the_mean_of_what_it_was_given():
    average = Average()
    for value in (1.0, 2.0, 6.0):
        average.add({"W1": np.array([value], np.float32), "mu1": np.array([9.0])}, ["W1"])
    assert average.count == 3
    assert average.mean("float32") == {"W1": np.array([3.0], np.float32)}
