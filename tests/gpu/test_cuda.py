"""Captured updates on a GPU against the CPU's."""

import numpy as np
import pytest
import torch

import torch_impl
from tests.support import bits, random_parameters, small_dataset, small_recipe
from twingrad.errors import UserError
from twingrad.minibatches import minibatch_order

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")

UPDATES = 20
"""More than the warm-up, so that most are replayed."""


def learner(device, recipe, **options):
    network = recipe.network(24, 10)
    return torch_impl.TorchLearner(
        recipe,
        network,
        small_dataset(recipe.dtype),
        random_parameters(network, 3),
        torch.device(device),
        **options,
    )


def stack(device, models=3, **changes):
    recipes = [
        small_recipe(seed=seed, penalty=0.01 * seed, **{"dtype": "float64", **changes})
        for seed in range(models)
    ]
    network = recipes[0].network(24, 10)
    parameters = [random_parameters(network, recipe.seed) for recipe in recipes]
    dataset = small_dataset(recipes[0].dtype)
    return torch_impl.stacked_learner(recipes, network, dataset, parameters, device)


def course(*models):
    rng = np.random.default_rng(1)
    order = rng.integers(0, 500, (*models, UPDATES, 50))
    return order, rng.uniform(0.001, 0.05, UPDATES)


def assert_same(found, expected):
    assert list(found) == list(expected)
    for name, value in expected.items():
        # 20 updates that sum in another order
        allowed = 1e-10 * max(1.0, np.abs(value).max())
        np.testing.assert_allclose(found[name], value, atol=allowed, rtol=0, err_msg=name)


@pytest.mark.parametrize("batch_norm", [True, False])
def test_captured_updates_equal_those_on_the_cpu(batch_norm):
    recipe = small_recipe(dtype="float64", batch_norm=batch_norm)
    cpu, gpu = learner("cpu", recipe), learner("cuda", recipe)
    order, rates = course()
    np.testing.assert_allclose(gpu.run_epoch(order, rates), cpu.run_epoch(order, rates), rtol=1e-10)
    assert gpu.repeated.graph is not None
    assert_same(gpu.state(), cpu.state())
    # sums in another order
    assert gpu.evaluate("test").cost == pytest.approx(cpu.evaluate("test").cost, rel=1e-10)


def test_a_second_epoch_replays_the_first_one_s_graph():
    recipe = small_recipe(dtype="float64")
    cpu, gpu = learner("cpu", recipe), learner("cuda", recipe)
    order, rates = course()
    graphs = []
    for part in (slice(0, 12), slice(12, 20)):  # the second shorter than the first
        cpu.run_epoch(order[part], rates[part])
        gpu.run_epoch(order[part], rates[part])
        graphs.append(gpu.repeated.graph)
    assert graphs[0] is graphs[1]
    assert_same(gpu.state(), cpu.state())


def test_a_cost_that_is_not_finite_freezes_the_state_on_the_device():
    recipe = small_recipe(dtype="float64")
    order, rates = course()
    rates[9] = 1e200
    cpu, gpu = learner("cpu", recipe), learner("cuda", recipe)
    assert len(cpu.run_epoch(order, rates)) == len(gpu.run_epoch(order, rates)) == 11
    below_batch_norm = ("b1", "b2")  # of gradient 0 but for rounding, times 1e200
    found, expected = gpu.state(), cpu.state()
    for name in below_batch_norm:
        del found[name], expected[name]
    assert_same(found, expected)


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
def test_nothing_waits_for_the_device_between_updates():
    gpu = learner("cuda", small_recipe())
    gpu.run_epoch(*course())
    gpu.course.update.zero_()  # it stood behind the last
    try:
        torch.cuda.set_sync_debug_mode("error")
        gpu.step()  # what is captured, run kernel by kernel
        gpu.repeated(gpu.step)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_restoring_keeps_the_graph_s_addresses():
    gpu, order_rates = learner("cuda", small_recipe(dtype="float64")), course()
    gpu.run_epoch(*order_rates)
    state = gpu.state()
    gpu.run_epoch(*order_rates)
    expected = gpu.state()
    gpu.restore(state)
    gpu.run_epoch(*order_rates)
    assert_same(gpu.state(), expected)


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("batch_norm", [True, False])
def test_a_captured_stack_equals_the_cpu_s(own, batch_norm):
    order, rates = course(*((3,) if own else ()))
    all_rates = np.stack([rates, 0.5 * rates, rates])
    all_rates[2, 12] = 1e200
    cpu, gpu = (stack(device, batch_norm=batch_norm) for device in ("cpu", "cuda"))
    cpu.run_epoch(order, all_rates)
    gpu.run_epoch(order, all_rates)
    assert gpu.repeated.graph is not None
    assert gpu.diverged.tolist() == cpu.diverged.tolist() == [False, False, True]
    for i in (0, 1):
        assert_same(gpu.state()[i], cpu.state()[i])


def test_deterministic_captured_updates_give_the_same_bits():
    with torch_impl.training.arithmetic(deterministic=True, tf32=False):
        states = []
        for _ in range(2):
            gpu = learner("cuda", small_recipe())
            gpu.run_epoch(*course())
            states.append(bits(gpu.state()))
    assert states[0] == states[1]


@pytest.mark.parametrize("own", [True, False])
def test_a_deterministic_captured_stack_gives_the_same_bits(own):
    order, rates = course(*((3,) if own else ()))
    with torch_impl.training.arithmetic(deterministic=True, tf32=False):
        states = []
        for _ in range(2):
            gpu = stack("cuda", dtype="float32")
            gpu.run_epoch(order, np.stack([rates] * 3))
            states.append([bits(state) for state in gpu.state()])
    assert states[0] == states[1]


def test_a_stacked_net_takes_at_most_two_and_a_half_megabytes():
    from benchmarks.gpu_figures import FULL, load, megabytes_per_net
    from scripts.output import Output

    dataset = load(None, FULL, Output(None, quiet=True))
    assert megabytes_per_net(dataset, FULL, torch.device("cuda"), own=False) <= 2.5


def test_compiled_is_for_the_cpu():
    with pytest.raises(UserError, match="replays a captured graph"):
        learner("cuda", small_recipe(), compiled=True)


def test_a_whole_run_on_the_gpu_equals_the_cpu_s():
    recipe = small_recipe(dtype="float64")
    order = minibatch_order(recipe.seed, 0, 500, 50)
    assert len(order) > 3  # beyond the warm-up
    cpu, gpu = (
        torch_impl.train(recipe, small_dataset("float64"), device=device)
        for device in ("cpu", "cuda")
    )
    assert_same(gpu.parameters | gpu.statistics, cpu.parameters | cpu.statistics)
