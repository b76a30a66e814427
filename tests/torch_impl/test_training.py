import gc
import weakref

import numpy as np
import pytest
import torch

import torch_impl
from tests.support import (
    assert_same_states,
    bits,
    epoch_inputs,
    learner,
    random_parameters,
    rows,
    small_dataset,
    small_recipe,
)
from torch_impl import first_layer
from torch_impl.capture import require_compiler
from twingrad.errors import DivergedError, UserError
from twingrad.network import Network
from twingrad.run_folder import RunFolder

NETWORK = Network(24, (12, 9), normalization="batch")
ORDER, RATES = rows(*range(10)), np.linspace(0.01, 0.05, 10)


def switches():
    return torch.are_deterministic_algorithms_enabled(), torch.get_float32_matmul_precision()


@pytest.mark.parametrize("networks", [1, 3])
@pytest.mark.parametrize("chunk", [1, 7, 499, 500, 10_000])
def test_evaluation_in_chunks_equals_evaluation_at_once(chunk, networks):
    split = small_dataset("float64").training
    each = [random_parameters(NETWORK, seed) for seed in range(networks)]
    parameters = {name: np.stack([one[name] for one in each]) for name in each[0]}
    rng = np.random.default_rng(2)
    statistics = {
        name: rng.uniform(0.5, 2, (networks, *shape))
        for name, shape in NETWORK.statistic_shapes.items()
    }
    penalty = np.linspace(0.01, 0.02, networks)
    at_once = torch_impl.forward(
        NETWORK, parameters, split.X, split.y, penalty=penalty, statistics=statistics
    )
    found = torch_impl.evaluate(
        NETWORK, parameters, statistics, split, penalty=penalty, chunk=chunk
    )
    assert len(found) == networks
    right = (at_once["p"].argmax(-1) == torch.from_numpy(split.y)).double().mean(-1)
    for i, one in enumerate(found):
        # sums of 500 losses in another order
        assert one.loss == pytest.approx(at_once["loss"][i].item(), rel=1e-12)
        assert one.cost == pytest.approx(at_once["cost"][i].item(), rel=1e-12)
        assert one.accuracy == right[i].item()


def test_evaluation_before_the_first_minibatch_says_what_is_missing():
    with pytest.raises(RuntimeError, match="needs running statistics"):
        learner(torch_impl, small_recipe(), small_dataset()).evaluate("test")


@pytest.mark.parametrize("normalization", ["batch", "none"])
def test_a_cost_that_is_not_finite_freezes_everything_before_its_update(normalization):
    recipe, rates = small_recipe(dtype="float64", normalization=normalization), RATES.copy()
    rates[4] = 1e200
    whole, part = (learner(torch_impl, recipe, small_dataset("float64")) for _ in range(2))
    [costs] = whole.run_epoch(epoch_inputs(ORDER, rates))
    # the step of 1e200 gives parameters whose squares overflow in the next update's cost
    assert np.isfinite(costs).tolist() == [True] * 5 + [False] * 5
    assert whole.diverged.tolist() == [True]
    part.run_epoch(epoch_inputs(ORDER[:5], rates[:5]))
    found, expected = whole.state()[0], part.state()[0]
    assert bits(found | {"updates": np.array(5)}) == bits(expected)


def test_narrower_data_are_widened_by_minibatches():
    recipe = small_recipe(dtype="float64")
    narrow, wide = (learner(torch_impl, recipe, small_dataset(d)) for d in ("float32", "float64"))
    for each in (narrow, wide):
        each.run_epoch(epoch_inputs(ORDER, RATES))
    assert narrow.state()[0]["W1"].dtype == np.float64
    # the data differ by roundings to float32
    assert_same_states(narrow.state()[0], wide.state()[0], 1e-5)
    assert narrow.evaluate("test")[0].loss == pytest.approx(wide.evaluate("test")[0].loss, rel=1e-5)


@pytest.mark.parametrize("lengths", [(10,), (3, 7), (1,) * 10])
@pytest.mark.parametrize("networks", [1, 5])
def test_epochs_of_any_length_make_the_same_training(lengths, networks):
    recipes = [small_recipe(dtype="float64", penalty=0.01 * i) for i in range(networks)]
    whole, parts = (learner(torch_impl, recipes, small_dataset("float64")) for _ in range(2))
    rates = np.stack([RATES] * networks)
    whole.run_epoch(epoch_inputs(ORDER, rates))
    for last, length in zip(np.cumsum(lengths), lengths, strict=True):
        now = slice(last - length, last)
        parts.run_epoch(epoch_inputs(ORDER[now], rates[:, now]))
    for found, expected in zip(parts.state(), whole.state(), strict=True):
        assert_same_states(found, expected, 1e-12)  # blocks of other lengths round differently


def test_precise_statistics_are_those_of_the_whole_training_set():
    recipes = [small_recipe(dtype="float64", penalty=0.1 * i) for i in range(2)]
    dataset = small_dataset("float64")
    group = learner(torch_impl, recipes, dataset)
    group.run_epoch(epoch_inputs(ORDER, np.stack([RATES] * 2)))
    group.take_precise_statistics()
    X, y = dataset.training.X, dataset.training.y
    for state in group.state():
        trace = torch_impl.forward(NETWORK, state, X, y, penalty=0)
        for name in NETWORK.statistic_shapes:
            np.testing.assert_allclose(state[name], trace[name], rtol=1e-12)


def test_a_checkpoint_of_the_first_version_is_continued():
    recipe = small_recipe(dtype="float64")
    whole, resumed = (learner(torch_impl, recipe, small_dataset("float64")) for _ in range(2))
    whole.run_epoch(epoch_inputs(ORDER, RATES))
    [state] = whole.state()
    del state["updates"]  # which it did not have
    resumed.restore([state])
    for each in (whole, resumed):
        each.run_epoch(epoch_inputs(ORDER, RATES))
    expected = whole.state()[0]
    assert bits(resumed.state()[0] | {"updates": expected["updates"]}) == bits(expected)


def test_a_run_in_a_folder_is_resumed(tmp_path):
    recipe, dataset = small_recipe(optimizer="adam", eta_max=0.01), small_dataset()
    identity = {"digest": "c0"}

    class Interrupted(Exception):
        pass

    def stop(epoch, total):
        if epoch.epoch == 2:
            raise Interrupted

    folder = RunFolder.create(
        tmp_path / "run", recipe, backend="torch", device="cpu", identity=identity
    )
    with pytest.raises(Interrupted):
        torch_impl.train(recipe, dataset, folder=folder, on_epoch=stop)
    resumed = torch_impl.train(recipe, dataset, folder=folder)
    whole = torch_impl.train(recipe, dataset)
    assert bits(resumed.parameters | resumed.statistics) == bits(
        whole.parameters | whole.statistics
    )


def compiled_or_skip(recipes, dataset):
    try:
        require_compiler()
    except UserError as error:
        pytest.skip(str(error))
    network = recipes[0].network(24, 10)
    starts = learner(torch_impl, recipes, dataset).state()
    return torch_impl.TorchLearner(recipes, network, dataset, starts, compiled=True)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's compiler gives its own
@pytest.mark.parametrize(
    ("networks", "changes"),
    [
        pytest.param(1, {}, id="one"),
        pytest.param(4, {}, id="blocks", marks=pytest.mark.slow),
        pytest.param(
            2,
            {"optimizer": "adam", "normalization": "layer", "dropout": 0.3},
            id="adam",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_compiled_updates_equal_the_eager_ones(networks, changes, monkeypatch):
    monkeypatch.setattr(first_layer, "LENGTHS", {"cpu": {4: 3}})  # 10 updates: 3, 3, 3 and 1
    recipes = [small_recipe(dtype="float64", penalty=0.01 * i, **changes) for i in range(networks)]
    dataset, plan = small_dataset("float64"), recipes[0].plan(500)
    compiled, eager = compiled_or_skip(recipes, dataset), learner(torch_impl, recipes, dataset)
    for epoch in range(2):
        drawn = recipes[0].inputs(recipes[0].network(24, 10), epoch, plan)
        rates = 0.1 * np.repeat(drawn.learning_rates, networks, axis=0)
        if epoch == 1 and networks > 1:
            rates[0, 5] = 1e200
        inputs = epoch_inputs(drawn.order, rates, drawn.masks)
        # rounding of 20 updates in float64
        np.testing.assert_allclose(
            compiled.run_epoch(inputs)[1:], eager.run_epoch(inputs)[1:], rtol=1e-11
        )
        assert compiled.diverged.tolist() == eager.diverged.tolist()
    for i in range(min(1, networks - 1), networks):
        assert_same_states(compiled.state()[i], eager.state()[i], 1e-11)


def test_compiling_without_a_compiler_says_what_is_missing(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError, match="'no-such-compiler' was not found"):
        torch_impl.train(small_recipe(), small_dataset(), compiled=True)


@pytest.mark.parametrize("networks", [1, 5])
def test_a_learner_that_nobody_holds_is_gone_at_once(networks):
    # a cycle would keep its data on the device until the collector comes by
    twin = learner(torch_impl, [small_recipe()] * networks, small_dataset())
    twin.run_epoch(epoch_inputs(ORDER, np.stack([RATES] * networks)))
    watched = weakref.ref(twin), weakref.ref(twin.stacks[0])
    gc.disable()
    try:
        del twin
        assert [there() for there in watched] == [None, None]
    finally:
        gc.enable()


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
    with pytest.raises(UserError, match="expected cpu, cuda or cuda:N"):
        torch_impl.find_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:1"])
def test_cuda_asked_for_where_there_is_none(name):
    with pytest.raises(UserError, match="finds 0 CUDA devices"):
        torch_impl.train(small_recipe(), small_dataset(), device=name)


def test_the_cpu_is_found():
    assert torch_impl.find_device("cpu") == torch.device("cpu")
