import numpy as np
import pytest
import torch

import torch_impl
from tests.support import bits, random_parameters, small_dataset, small_recipe
from twingrad.errors import DivergedError, UserError
from twingrad.network import Network

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")
NETWORK = Network(24, (12, 9), normalization="batch")


def switches():
    return torch.are_deterministic_algorithms_enabled(), torch.get_float32_matmul_precision()


@pytest.mark.parametrize("chunk", [1, 7, 499, 500, 10_000])
def test_evaluation_in_chunks_equals_evaluation_at_once(chunk):
    split = small_dataset("float64").training
    X, y = torch.from_numpy(split.X), torch.from_numpy(split.y)
    module = torch_impl.TorchNetwork(NETWORK, random_parameters(NETWORK, 2), dtype=torch.float64)
    module(X[:100])
    at_once = torch_impl.forward(
        NETWORK, module.parameters_by_name(), X, y, penalty=0.01, statistics=module.statistics()
    )
    found = torch_impl.evaluate(module, X, y, penalty=0.01, chunk=chunk)
    # sums of 500 losses in another order
    assert found.loss == pytest.approx(at_once["loss"].item(), rel=1e-12)
    assert found.cost == pytest.approx(at_once["cost"].item(), rel=1e-12)
    assert found.accuracy == (at_once["p"].argmax(dim=1) == y).double().mean().item()


def test_an_update_returns_the_cost_before_it():
    split = small_dataset("float64").test
    X, y = torch.from_numpy(split.X), torch.from_numpy(split.y)
    parameters = random_parameters(NETWORK, 2)
    module = torch_impl.TorchNetwork(NETWORK, parameters, dtype=torch.float64)
    expected = torch_impl.forward(NETWORK, parameters, X, y, penalty=0.01)["cost"]
    cost = torch_impl.sgd_update(module, X, y, penalty=0.01, learning_rate=0.1)
    assert cost.item() == expected.item()
    assert not cost.requires_grad


def test_the_switches_are_as_asked_during_a_training():
    seen = []
    torch_impl.train(
        small_recipe(epochs=1),
        small_dataset(),
        on_epoch=lambda epoch, total: seen.append(switches()),
        deterministic=True,
        tf32=True,
    )
    assert seen == [(True, "high")]


def test_tf32_is_off_unless_asked_for():
    seen = []
    torch_impl.train(
        small_recipe(epochs=1),
        small_dataset(),
        on_epoch=lambda epoch, total: seen.append(switches()),
    )
    assert seen == [(False, "highest")]


def test_the_switches_are_restored_after_a_training():
    before = switches()
    torch_impl.train(small_recipe(epochs=1), small_dataset(), deterministic=True, tf32=True)
    assert switches() == before


def test_the_switches_are_restored_after_a_failed_training():
    before = switches()
    recipe = small_recipe(batch_size=500, epochs=1, eta_min=1e30, eta_max=1e30)
    with pytest.raises(DivergedError):
        torch_impl.train(recipe, small_dataset(), deterministic=True, tf32=True)
    assert switches() == before


def test_deterministic_mode_changes_no_bit_on_the_cpu():
    runs = [
        torch_impl.train(small_recipe(epochs=2), small_dataset(), deterministic=deterministic)
        for deterministic in (False, True)
    ]
    assert bits(runs[0].parameters) == bits(runs[1].parameters)


@pytest.mark.parametrize("name", ["nonsense", "", "cuda:x", "meta", "mps"])
def test_a_device_that_is_none_of_ours(name):
    with pytest.raises(UserError, match="cpu, cuda or cuda:N was expected"):
        torch_impl.find_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:1"])
def test_cuda_asked_for_where_there_is_none(name):
    with pytest.raises(UserError, match="finds 0 CUDA devices"):
        torch_impl.train(small_recipe(), small_dataset(), device=name)


def test_the_cpu_is_found():
    assert torch_impl.find_device("cpu") == torch.device("cpu")


@needs_cuda
def test_one_device_more_than_there_are():
    with pytest.raises(UserError, match="use --device cpu"):
        torch_impl.find_device(f"cuda:{torch.cuda.device_count()}")


@needs_cuda
@pytest.mark.parametrize("batch_norm", [True, False])
def test_an_epoch_on_the_gpu_equals_one_on_the_cpu(batch_norm):
    recipe = small_recipe(dtype="float64", epochs=1, batch_norm=batch_norm)
    cpu, gpu = (
        torch_impl.train(recipe, small_dataset("float64"), device=device)
        for device in ("cpu", "cuda")
    )
    for name, value in (cpu.parameters | cpu.statistics).items():
        found = (gpu.parameters | gpu.statistics)[name]
        # ten updates that sum in another order
        atol = 1e-10 * np.abs(value).max()
        np.testing.assert_allclose(found, value, atol=atol, rtol=0, err_msg=name)


@needs_cuda
def test_deterministic_mode_gives_the_same_bits_on_the_gpu():
    first, again = (
        torch_impl.train(small_recipe(), small_dataset(), device="cuda", deterministic=True)
        for _ in range(2)
    )
    assert bits(first.parameters) == bits(again.parameters)
