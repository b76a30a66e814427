from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch

import manual_impl
from benchmarks.peers.on_cpu import ALPHA, ETA, PENALTY
from benchmarks.workload import at_rate
from tests.support import learner, random_parameters, small_dataset, small_recipe

CONSTANTS = {"eta": ETA, "penalty": PENALTY, "alpha": ALPHA}
RECIPE = small_recipe(penalty=PENALTY, alpha=ALPHA)
NETWORK = RECIPE.network(24, 10)
ORDER = np.arange(500).reshape(10, 50)


def ours():
    """Our costs of 10 updates, and the state after them."""
    trained = learner(manual_impl, RECIPE, small_dataset(), random_parameters(NETWORK, 1))
    [costs] = trained.run_epoch(at_rate(ORDER, ETA))
    [state] = trained.state()
    return costs, state


def assert_close(found, expected):
    """Within some roundings of float32 in each of 10 updates."""
    for name, value in found.items():
        allowed = 5e-6 * max(1, np.abs(expected[name]).max())
        np.testing.assert_allclose(value, expected[name], atol=allowed, rtol=0, err_msg=name)


def test_vectorised_torch_does_the_work_that_ours_does():
    from benchmarks.peers.func_peer import FuncTraining

    peer = FuncTraining(
        NETWORK,
        random_parameters(NETWORK, 1),
        small_dataset(),
        **CONSTANTS,
        networks=3,
        device=torch.device("cpu"),
        compiled=False,
    )
    costs, state = ours()
    last = peer.run(torch.from_numpy(ORDER))
    np.testing.assert_allclose(last, costs[[-1, -1, -1]], rtol=2e-6)
    for i in range(3):
        assert_close({n: v[i].numpy() for n, v in (peer.parameters | peer.running).items()}, state)


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
@pytest.mark.parametrize("networks", [None, 3])
def test_jax_does_the_work_that_ours_does(monkeypatch, networks):
    # in a process of its own: beside JAX's threads the tests' process could not fork any more
    monkeypatch.syspath_prepend(Path(__file__).parents[2])  # where that one finds this file
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        executor.submit(assert_jax_does_the_work_that_ours_does, networks).result()


def assert_jax_does_the_work_that_ours_does(networks):
    from benchmarks.peers.jax_peer import training

    start = random_parameters(NETWORK, 1)
    run, state = training(NETWORK, start, small_dataset(), **CONSTANTS, networks=networks)
    (parameters, running, _), costs = run(state, ORDER)
    expected, ends = ours()
    for i in range(networks or 1):
        which = (..., i) if networks else ...
        np.testing.assert_allclose(costs[which], expected, rtol=2e-6)
        found = (parameters | running).items()
        assert_close({name: value[i] if networks else value for name, value in found}, ends)
