import numpy as np
import pytest

import manual_impl
from tests.support import bits, random_parameters, small_dataset
from twingrad.network import Network

NETWORK = Network(24, (12, 9), batch_norm=True)


def trained():
    """Parameters and running statistics after a few updates in float64."""
    parameters, statistics, split = random_parameters(NETWORK, 2), {}, small_dataset("float64").test
    for _ in range(3):
        manual_impl.sgd_update(
            NETWORK,
            parameters,
            statistics,
            split.X,
            split.y,
            penalty=0.01,
            learning_rate=0.1,
            alpha=0.9,
        )
    return parameters, statistics


@pytest.mark.parametrize("chunk", [1, 7, 499, 500, 10_000])
def test_evaluation_in_chunks_equals_evaluation_at_once(chunk):
    parameters, statistics = trained()
    split = small_dataset("float64").training
    at_once = manual_impl.forward(
        NETWORK, parameters, split.X, split.y, penalty=0.01, statistics=statistics
    )
    found = manual_impl.evaluate(NETWORK, parameters, statistics, split, penalty=0.01, chunk=chunk)
    # sums of 500 losses in another order
    assert found.loss == pytest.approx(float(at_once["loss"]), rel=1e-12)
    assert found.cost == pytest.approx(float(at_once["cost"]), rel=1e-12)
    assert found.accuracy == (at_once["p"].argmax(axis=1) == split.y).mean()


def test_evaluation_leaves_parameters_and_statistics():
    parameters, statistics = trained()
    before = bits(parameters | statistics)
    split = small_dataset("float64").validation
    manual_impl.evaluate(NETWORK, parameters, statistics, split, penalty=0.01)
    assert bits(parameters | statistics) == before


def test_an_update_returns_the_cost_before_it():
    parameters, split = random_parameters(NETWORK, 2), small_dataset("float64").test
    expected = manual_impl.forward(NETWORK, parameters, split.X, split.y, penalty=0.01)["cost"]
    cost = manual_impl.sgd_update(
        NETWORK, parameters, {}, split.X, split.y, penalty=0.01, learning_rate=0.1, alpha=0.9
    )
    assert cost == float(expected)


def test_an_update_of_infinite_cost_changes_nothing():
    parameters, statistics = trained()
    split = small_dataset("float64").test
    before = bits(parameters | statistics)
    with np.errstate(invalid="ignore", over="ignore"):
        cost = manual_impl.sgd_update(
            NETWORK,
            parameters,
            statistics,
            split.X * np.inf,
            split.y,
            penalty=0.01,
            learning_rate=0.1,
            alpha=0.9,
        )
    assert not np.isfinite(cost)
    assert bits(parameters | statistics) == before
