import numpy as np
import pytest
import torch

import torch_impl
from tests.support import (
    arrays,
    bits,
    random_parameters,
    random_samples,
    small_dataset,
    small_recipe,
)
from twingrad.errors import UserError
from twingrad.network import Network
from twingrad.run_folder import RunFolder

NETWORK = Network(7, (6, 5), normalization="batch")
PARAMETERS = random_parameters(NETWORK, 1)
X, Y = (torch.from_numpy(value) for value in random_samples(NETWORK, 9, 1))


def module(**options):
    return torch_impl.TorchNetwork(NETWORK, PARAMETERS, dtype=torch.float64, **options)


def test_state_dict_has_the_parameters_names_and_after_a_minibatch_the_statistics():
    net = module()
    assert list(net.state_dict()) == list(NETWORK.parameter_shapes)
    net(X)
    assert list(net.state_dict()) == [*NETWORK.parameter_shapes, *NETWORK.statistic_shapes]


def test_logits_are_those_of_forward():
    trace = torch_impl.forward(NETWORK, PARAMETERS, X, Y, penalty=0.1)
    assert module()(X).detach().numpy().tobytes() == trace["s3"].numpy().tobytes()


def test_training_mode_normalises_by_the_minibatch_whatever_the_statistics():
    statistics = {name: np.full(shape, 9.0) for name, shape in NETWORK.statistic_shapes.items()}
    with_statistics, without = module(statistics=statistics), module()
    assert torch.equal(with_statistics(X), without(X))


def test_training_mode_sets_then_moves_the_statistics():
    net = module(alpha=0.75)
    trace = arrays(torch_impl.forward(NETWORK, PARAMETERS, X, Y, penalty=0.1))
    other = arrays(torch_impl.forward(NETWORK, PARAMETERS, 2 * X, Y, penalty=0.1))
    net(X)
    first = arrays(net.statistics())
    net(2 * X)
    second = arrays(net.statistics())
    for name in NETWORK.statistic_shapes:
        assert first[name].tobytes() == trace[name].tobytes()
        expected = 0.75 * trace[name] + 0.25 * other[name]
        np.testing.assert_allclose(second[name], expected, rtol=1e-15)  # two roundings


def test_evaluation_mode_uses_the_statistics_and_leaves_them():
    net = module()
    net(X)
    net.eval()
    before = bits(arrays(net.state_dict()))
    logits = net(X[:3])
    assert bits(arrays(net.state_dict())) == before
    trace = torch_impl.forward(
        NETWORK, PARAMETERS, X[:3], Y[:3], penalty=0.1, statistics=net.statistics()
    )
    assert torch.equal(logits, trace["s3"])


def test_back_in_training_mode_the_statistics_move_again():
    net = module()
    net(X)
    net.eval()
    net(X)
    before = bits(arrays(net.statistics()))
    net.train()
    net(2 * X)
    after = bits(arrays(net.statistics()))
    assert all(before[name] != after[name] for name in before)


def test_the_statistics_hold_no_graph():
    net = module()
    for _ in range(2):  # the first minibatch sets them, the second moves them
        net(X)
        assert not any(value.requires_grad for value in net.statistics().values())


def test_parameters_and_statistics_are_copies():
    statistics = {name: np.ones(shape) for name, shape in NETWORK.statistic_shapes.items()}
    net = module(statistics=statistics)
    before = bits(PARAMETERS | statistics)
    with torch.no_grad():
        for value in net.state_dict().values():
            value.zero_()
    assert bits(PARAMETERS | statistics) == before


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_everything_is_of_the_dtype_asked_for(dtype):
    net = torch_impl.TorchNetwork(NETWORK, PARAMETERS, dtype=dtype)
    net(X.to(dtype))
    assert {value.dtype for value in net.state_dict().values()} == {dtype}


def test_without_batch_norm_there_are_no_statistics():
    network = Network(7, (6,))
    net = torch_impl.TorchNetwork(network, random_parameters(network, 1), dtype=torch.float64)
    net(X)
    assert net.statistics() == {}


def test_forward_is_part_of_the_callers_graph():
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in PARAMETERS.items()}
    torch_impl.forward(NETWORK, leaves, X, Y, penalty=0.1)["cost"].backward()
    expected = torch_impl.gradients(NETWORK, PARAMETERS, X, Y, penalty=0.1)
    for name, leaf in leaves.items():
        assert torch.equal(leaf.grad, expected[name]), name


def test_gradients_leave_the_parameters_without_any():
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in PARAMETERS.items()}
    torch_impl.gradients(NETWORK, leaves, X, Y, penalty=0.1)
    assert all(leaf.grad is None for leaf in leaves.values())


def test_evaluation_before_the_first_minibatch_says_what_is_missing():
    with pytest.raises(RuntimeError, match="needs running statistics"):
        module().eval()(X)


def test_a_saved_state_loads_into_a_fresh_module():
    trained, fresh = module(), module()
    trained(X)
    fresh.load_state_dict(trained.state_dict())
    assert torch.equal(fresh.eval()(X), trained.eval()(X))
    assert torch.equal(fresh.statistics()["v1"], trained.statistics()["v1"])


def test_training_mode_drops_units_at_random_and_evaluation_mode_none():
    network = Network(7, (400,), dropout=0.25)
    net = torch_impl.TorchNetwork(network, random_parameters(network, 1), dtype=torch.float64)
    kept = []
    net.W2.data[:] = 0
    net.W2.data[0] = 1
    net.W1.data[:] = 0
    net.b1.data[:] = 0.75  # so that a kept unit is 1
    with torch.random.fork_rng():
        torch.manual_seed(0)
        kept = (net(X)[:, 0] - net.b2[0]).tolist()
    # 400 units kept with probability 3/4: 300, give or take 8.7
    assert all(250 < each < 350 for each in kept)
    assert len(set(kept)) > 1
    expected = torch_impl.forward(network, net.state_dict(), X, Y, penalty=0)["s2"]
    assert torch.equal(net.eval()(X), expected)


@pytest.mark.parametrize("normalization", ["batch", "layer", "none"])
def test_the_network_of_a_finished_run_is_made_in_one_call(tmp_path, normalization):
    dataset = small_dataset()
    recipe = small_recipe(normalization=normalization, dropout=0.2, epochs=2)
    folder = RunFolder.create(
        tmp_path / "run", recipe, backend="torch", device="cpu", identity={"digest": "c0"}
    )
    run = torch_impl.train(recipe, dataset, folder=folder)
    with pytest.raises(UserError, match="has not finished"):
        torch_impl.TorchNetwork.from_run(folder.path)
    folder.finish({}, run.parameters | run.statistics)
    net = torch_impl.TorchNetwork.from_run(str(folder.path))
    assert not net.training
    assert bits(arrays(net.state_dict())) == bits(run.parameters | run.statistics)
    predicted = net(torch.from_numpy(dataset.test.X)).argmax(dim=1).numpy()
    assert (predicted == dataset.test.y).mean() == run.final["test"].accuracy


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        torch_impl.TorchNetwork.from_run(tmp_path)
