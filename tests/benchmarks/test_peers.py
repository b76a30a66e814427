from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

import manual_impl
from benchmarks import peers
from tests.support import random_parameters, small_dataset, small_recipe


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_jax_does_the_work_that_ours_does(monkeypatch):
    # in a process of its own: beside JAX's threads the tests' process could not fork any more
    monkeypatch.syspath_prepend(Path(__file__).parents[2])  # where that one finds this file
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        executor.submit(assert_jax_does_the_work_that_ours_does).result()


def assert_jax_does_the_work_that_ours_does():
    from benchmarks import jax_peer

    recipe, dataset = small_recipe(penalty=peers.PENALTY, alpha=peers.ALPHA), small_dataset()
    network = recipe.network(24, 10)
    start, order = random_parameters(network, 1), np.arange(500).reshape(10, 50)
    ours = manual_impl.learner(recipe, network, dataset, start)
    constants = {"eta": peers.ETA, "penalty": peers.PENALTY, "alpha": peers.ALPHA}
    run, state = jax_peer.training(network, start, dataset, **constants)
    state, costs = run(state, order)
    # some roundings of float32 in each of 10 updates
    np.testing.assert_allclose(costs, ours.run_epoch(order, np.full(10, peers.ETA)), rtol=2e-6)
    for name, value in ours.state().items():
        found = (state[0] | state[1])[name]
        np.testing.assert_allclose(found, value, atol=5e-6 * max(1, np.abs(value).max()), rtol=0)
