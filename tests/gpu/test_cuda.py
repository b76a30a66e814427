"""Updates on a GPU, captured and compiled, against the same on the CPU."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

import torch_impl
from tests.support import assert_same_states, bits, random_parameters, small_dataset, small_recipe
from torch_impl.training import arithmetic
from twingrad.errors import UserError
from twingrad.minibatches import EpochInputs
from twingrad.recipe import Recipe
from twingrad.training import Diverged

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device"),
    # torch's compiler uses what torch deprecates
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),
]

UPDATES = 22
"""More than the warm-up, so that most are replayed, and not a multiple of a block's length."""

WITHIN = 1e-10
"""Limit relative to a tensor's size or 1, in float64: 20 updates that sum in another order. The
floor of 1 is a typical size of a parameter. A bias below batch norm needs it: its gradient is
rounding alone, so it stays near 1e-19, and no relative limit makes sense there."""


def recipes(networks: int, *, own: bool = False, **changes) -> list[Recipe]:
    """Networks that differ in start and penalty, with minibatches of their own or shared."""
    return [
        small_recipe(
            seed=seed,
            order_seed=None if own else 0,
            penalty=0.01 * seed,
            **{"dtype": "float64", **changes},
        )
        for seed in range(networks)
    ]


def learner(some: Sequence[Recipe], device: str, **options):
    dataset = small_dataset(some[0].dtype, inputs=48)
    network = some[0].network(48, 10)
    parameters = [random_parameters(network, recipe.seed) for recipe in some]
    return torch_impl.learner(some, network, dataset, parameters, device, **options)


def course(networks: int = 1, *, own: bool = False) -> EpochInputs:
    """Rows and learning rates of an epoch, without masks or augmentation."""
    rng = np.random.default_rng(1)
    order = rng.integers(0, 500, (*((networks,) if own else ()), UPDATES, 50))
    return EpochInputs(order, rng.uniform(0.001, 0.05, (networks, UPDATES)), {}, None)


def part(inputs: EpochInputs, updates: slice) -> EpochInputs:
    """Some updates of an epoch whose networks share their minibatches."""
    return EpochInputs(inputs.order[updates], inputs.learning_rates[:, updates], {}, None)


def graphs(trained) -> list[torch.cuda.CUDAGraph | None]:
    """The captured graphs of a learner, one for each number of updates in a block."""
    return [repeated.graph for stack in trained.stacks for repeated in stack.repeated.values()]


def assert_same(gpu, cpu) -> None:
    assert gpu.diverged.tolist() == cpu.diverged.tolist()
    for found, expected, gone in zip(gpu.state(), cpu.state(), cpu.diverged, strict=True):
        if not gone:
            assert_same_states(found, expected, WITHIN)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("normalization", ["batch", "layer", "batch-after", "none"])
def test_captured_updates_equal_those_on_the_cpu(normalization, compiled):
    some, inputs = recipes(1, normalization=normalization), course()
    cpu, gpu = learner(some, "cpu"), learner(some, "cuda", compiled=compiled)
    np.testing.assert_allclose(gpu.run_epoch(inputs), cpu.run_epoch(inputs), rtol=WITHIN)
    assert all(graphs(gpu))
    assert_same(gpu, cpu)
    found, expected = gpu.evaluate("test"), cpu.evaluate("test")
    assert found[0].cost == pytest.approx(expected[0].cost, rel=WITHIN)


@pytest.mark.parametrize("optimizer", ["momentum", "nesterov", "adam"])
def test_captured_updates_of_every_optimizer_equal_those_on_the_cpu(optimizer):
    # Adam divides by the root of its second moment: without batch norm, so that no gradient is
    # rounding alone, which it would make as large as any other
    some = recipes(3, optimizer=optimizer, normalization="none")
    inputs = course(3)
    inputs.learning_rates[:] *= 0.1
    cpu, gpu = learner(some, "cpu"), learner(some, "cuda")
    for _ in range(2):  # the second epoch goes on from what the optimiser kept
        cpu.run_epoch(inputs)
        gpu.run_epoch(inputs)
    assert_same(gpu, cpu)


def test_a_second_epoch_replays_the_first_one_s_graph():
    some, inputs = recipes(1), course()
    cpu, gpu = learner(some, "cpu"), learner(some, "cuda")
    found = []
    for updates in (slice(0, 12), slice(12, 20)):  # the second shorter than the first
        cpu.run_epoch(part(inputs, updates))
        gpu.run_epoch(part(inputs, updates))
        found.append(graphs(gpu))
    assert found[0] == found[1]
    assert all(found[0])
    assert_same(gpu, cpu)


def test_a_cost_that_is_not_finite_freezes_the_state_on_the_device():
    some, inputs = recipes(1, normalization="none"), course()
    inputs.learning_rates[0, 9] = 1e200
    cpu, gpu = learner(some, "cpu"), learner(some, "cuda")
    for found in (cpu.run_epoch(inputs), gpu.run_epoch(inputs)):
        assert np.isfinite(found[0]).tolist() == [True] * 10 + [False] * (UPDATES - 10)
    assert gpu.diverged.tolist() == [True]
    for name, value in cpu.state()[0].items():
        # moved by 1e200 times a gradient, of which 1e-10 may differ
        np.testing.assert_allclose(gpu.state()[0][name], value, rtol=1e-6, err_msg=name)


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
@pytest.mark.parametrize("networks", [1, 8])
def test_nothing_waits_for_the_device_between_updates(networks):
    gpu = learner(recipes(networks, dtype="float32"), "cuda")
    gpu.run_epoch(course(networks))
    [stack] = gpu.stacks
    stack.epoch.next.zero_()  # it stood behind the last
    (length, number), repeated = next(iter(stack.repeated.items()))
    first = stack.first_layers[length]
    try:
        torch.cuda.set_sync_debug_mode("error")
        stack._updates(first, number)  # what is captured, run kernel by kernel
        repeated(lambda: None)  # the replay
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_restoring_keeps_the_graph_s_addresses():
    gpu, inputs = learner(recipes(1), "cuda"), course()
    gpu.run_epoch(inputs)
    state = gpu.state()
    gpu.run_epoch(inputs)
    expected, captured = gpu.state()[0], graphs(gpu)
    gpu.restore(state)
    gpu.run_epoch(inputs)
    assert graphs(gpu) == captured
    assert_same_states(gpu.state()[0], expected, WITHIN)


@pytest.mark.parametrize("networks", [3, 8])
@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("normalization", ["batch", "none"])
def test_a_captured_stack_equals_the_cpu_s(networks, own, normalization):
    # 8 networks that share their minibatches move their first layer in blocks
    some = recipes(networks, own=own, normalization=normalization)
    inputs = course(networks, own=own)
    inputs.learning_rates[2, 12] = 1e200  # in the middle of a block
    cpu, gpu = learner(some, "cpu"), learner(some, "cuda")
    cpu.run_epoch(inputs)
    gpu.run_epoch(inputs)
    assert all(graphs(gpu))
    assert gpu.diverged.tolist() == [i == 2 for i in range(networks)]
    assert_same(gpu, cpu)


@pytest.mark.parametrize("compiled", [False, True])
def test_the_first_layer_in_blocks_equals_single_networks_on_the_cpu(compiled):
    some, inputs = recipes(8), course(8)
    gpu = learner(some, "cuda", compiled=compiled)
    gpu.run_epoch(inputs)
    [stack] = gpu.stacks
    assert max(length for length, _ in stack.repeated) > 1
    assert all(graphs(gpu))
    for i, found in enumerate(gpu.state()):
        alone = learner(some[i : i + 1], "cpu")
        alone.run_epoch(inputs.of(i))
        assert_same_states(found, alone.state()[0], WITHIN)


VARIED = {"dropout": 0.3, "flip": True, "shift": 2, "jitter": 0.1}


@pytest.mark.parametrize("networks", [1, 8])
@pytest.mark.parametrize("own", [True, False])
def test_masks_and_augmentation_on_the_device_are_those_on_the_cpu(networks, own):
    some = recipes(networks, own=own, epochs=1, **VARIED)
    if not own:  # masks and augmentation depend on the seed, so it is one seed
        some = recipes(1, epochs=1, **VARIED) * networks
    dataset = small_dataset("float64", inputs=48)
    cpu, gpu = (
        torch_impl.train_stacked(some, dataset, device=device) for device in ("cpu", "cuda")
    )
    plain = torch_impl.train_stacked(
        [small_recipe(dtype="float64", epochs=1, seed=one.seed) for one in some], dataset
    )
    for found, expected, without in zip(gpu, cpu, plain, strict=True):
        assert not isinstance(expected, Diverged)
        assert_same_states(found.parameters, expected.parameters, WITHIN)
        assert np.abs(expected.parameters["W1"] - without.parameters["W1"]).max() > 1e-3


def test_deterministic_captured_updates_give_the_same_bits():
    with arithmetic(deterministic=True, tf32=False):
        states = []
        for _ in range(2):
            gpu = learner(recipes(1, dtype="float32"), "cuda")
            gpu.run_epoch(course())
            states.append(bits(gpu.state()[0]))
    assert states[0] == states[1]


@pytest.mark.parametrize("own", [True, False])
def test_a_deterministic_captured_stack_gives_the_same_bits(own):
    with arithmetic(deterministic=True, tf32=False):
        states = []
        for _ in range(2):
            gpu = learner(recipes(8, own=own, dtype="float32"), "cuda")
            gpu.run_epoch(course(8, own=own))
            states.append([bits(state) for state in gpu.state()])
    assert states[0] == states[1]


def test_a_stacked_net_takes_at_most_two_and_a_half_megabytes():
    from benchmarks.gpu.figures import MAX_MEGABYTES, megabytes_per_net
    from benchmarks.gpu.task import FULL, Task, load
    from scripts.output import Output

    dataset = load(None, FULL, Output(None, quiet=True))
    task = Task(FULL, dataset, torch.device("cuda"))
    assert megabytes_per_net(task, own=False) <= MAX_MEGABYTES


@pytest.mark.parametrize("normalization", ["batch", "none"])
def test_a_whole_run_on_the_gpu_equals_the_cpu_s(normalization):
    recipe = small_recipe(dtype="float64", normalization=normalization)
    cpu, gpu = (
        torch_impl.train(recipe, small_dataset("float64"), device=device)
        for device in ("cpu", "cuda")
    )
    assert_same_states(gpu.parameters | gpu.statistics, cpu.parameters | cpu.statistics, WITHIN)


def test_a_deterministic_run_gives_the_same_bits():
    first, again = (
        torch_impl.train(small_recipe(), small_dataset(), device="cuda", deterministic=True)
        for _ in range(2)
    )
    assert bits(first.parameters) == bits(again.parameters)


def test_precise_statistics_on_the_gpu_are_those_of_the_cpu():
    recipe = small_recipe(dtype="float64", epochs=1, precise_statistics=True)
    cpu, gpu = (
        torch_impl.train(recipe, small_dataset("float64"), device=device)
        for device in ("cpu", "cuda")
    )
    assert_same_states(gpu.statistics, cpu.statistics, WITHIN)


def test_a_device_that_is_not_here_is_refused():
    with pytest.raises(UserError, match="CUDA devices here"):
        torch_impl.find_device(f"cuda:{torch.cuda.device_count()}")
