"""The course of a training, with either backend."""

import numpy as np
import pytest

from tests.support import bits, small_dataset, small_recipe
from twingrad.errors import DivergedError
from twingrad.initialization import initialize
from twingrad.run_folder import RunFolder
from twingrad.training import require_finite


def test_history_of_a_training(implementation):
    recipe = small_recipe(epochs=None, half_cycle=12, cycles=1)
    run = implementation.train(recipe, small_dataset())
    assert [(epoch.epoch, epoch.update) for epoch in run.history] == [(1, 10), (2, 20), (3, 24)]
    rates = [rate for epoch in run.history for rate in epoch.learning_rates]
    assert rates == recipe.plan(500).learning_rates.tolist()


def test_every_minibatch_s_cost_is_kept(implementation):
    recipe = small_recipe(epochs=None, half_cycle=12, cycles=1, dtype="float64")
    dataset = small_dataset("float64")
    run = implementation.train(recipe, dataset)
    assert [len(epoch.costs) for epoch in run.history] == [10, 10, 4]
    network = recipe.network(24, 10)
    rows = recipe.inputs(network, 0, recipe.plan(500)).order[0]
    X, y = dataset.training.X[rows], dataset.training.y[rows]
    start = initialize(network, recipe.initialization, recipe.seed)
    trace = implementation.forward(network, start, X, y, penalty=recipe.penalty)
    # the first minibatch, before its update; rounding alone
    assert run.history[0].costs[0] == pytest.approx(float(trace["cost"]), rel=1e-12)


def test_precise_statistics_are_those_of_the_whole_training_set(implementation):
    dataset = small_dataset("float64")
    plain, precise = (
        implementation.train(small_recipe(dtype="float64", precise_statistics=on), dataset)
        for on in (False, True)
    )
    assert bits(plain.parameters) == bits(precise.parameters)
    assert plain.history[-1].training == plain.final["training"]
    X, y = dataset.training.X, dataset.training.y
    network = small_recipe().network(24, 10)
    trace = implementation.forward(network, precise.parameters, X, y, penalty=0.005)
    for name, value in precise.statistics.items():
        # rounding of a mean of 500 values
        np.testing.assert_allclose(value, np.asarray(trace[name]), rtol=1e-10, atol=1e-13)
        assert np.abs(value - plain.statistics[name]).max() > 1e-4
    # evaluated with the same statistics, it is the training set's cost as one minibatch
    assert precise.final["training"].cost == pytest.approx(float(trace["cost"]), rel=1e-10)
    assert precise.history[-1].training != precise.final["training"]


def test_precise_statistics_without_batch_norm_change_nothing(implementation):
    plain, precise = (
        implementation.train(
            small_recipe(normalization="layer", precise_statistics=on, epochs=1), small_dataset()
        )
        for on in (False, True)
    )
    assert (plain.final, bits(plain.parameters)) == (precise.final, bits(precise.parameters))


def test_every_epoch_is_reported_with_their_number(implementation):
    seen = []
    implementation.train(
        small_recipe(),
        small_dataset(),
        on_epoch=lambda epoch, total: seen.append((epoch.epoch, total)),
    )
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_it_learns(implementation):
    run = implementation.train(small_recipe(epochs=None, cycles=1), small_dataset())
    # ten clouds: chance is 0.1, and two seeds reached 0.57 and 0.59
    assert run.final["test"].accuracy > 0.45
    assert run.final["training"] == run.history[-1].training


def test_the_same_seed_ends_in_the_same_bits(implementation):
    first, again = (implementation.train(small_recipe(), small_dataset()) for _ in range(2))
    assert bits(first.parameters) == bits(again.parameters)
    assert bits(first.statistics) == bits(again.statistics)
    assert first.final == again.final


def test_another_seed_ends_elsewhere(implementation):
    first, other = (
        implementation.train(small_recipe(seed=seed, epochs=1), small_dataset()) for seed in (3, 4)
    )
    assert (first.parameters["W1"] != other.parameters["W1"]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_run_ends_in_the_recipes_dtype(implementation, dtype):
    run = implementation.train(small_recipe(dtype=dtype, epochs=1), small_dataset(dtype))
    state = run.parameters | run.statistics
    assert {value.dtype for value in state.values()} == {np.dtype(dtype)}


def test_names_of_what_a_run_holds(implementation):
    recipe = small_recipe(epochs=1)
    run = implementation.train(recipe, small_dataset())
    network = recipe.network(24, 10)
    assert list(run.parameters) == list(network.parameter_shapes)
    assert list(run.statistics) == list(network.statistic_shapes)


# eta 3 and lambda 1 multiply W by 1 - 6 at every update: W^2 overflows float32 after about 27
EXPLODING = small_recipe(penalty=1.0, eta_min=3.0, eta_max=3.0)


def test_divergence_names_update_and_learning_rate(implementation):
    with pytest.raises(DivergedError) as diverged:
        implementation.train(EXPLODING, small_dataset())
    assert 20 < diverged.value.update <= 30
    assert diverged.value.learning_rate == 3.0
    assert not np.isfinite(diverged.value.cost)
    # costs of its epoch, which began at update 21, as far as they are finite
    assert len(diverged.value.costs) == diverged.value.update - 21
    assert np.isfinite(diverged.value.costs).all()
    assert f"update {diverged.value.update} (learning rate 3)" in str(diverged.value)


def test_divergence_keeps_the_epochs_before_it(implementation, tmp_path):
    dataset = small_dataset()
    folder = RunFolder.create(
        tmp_path / "run", EXPLODING, backend="?", device="cpu", identity=dataset.identity
    )
    with pytest.raises(DivergedError):
        implementation.train(EXPLODING, dataset, folder=folder)
    assert [epoch.update for epoch in folder.read_history()] == [10, 20]
    assert len(folder.load_checkpoint()[0]) == 2


def test_divergence_in_the_last_update_is_found_by_the_evaluation(implementation):
    # one update of 1e30, after which no minibatch follows
    recipe = small_recipe(batch_size=500, epochs=1, eta_min=1e30, eta_max=1e30)
    with pytest.raises(DivergedError) as diverged:
        implementation.train(recipe, small_dataset())
    assert (diverged.value.update, diverged.value.learning_rate) == (1, 1e30)


@pytest.mark.parametrize(("costs", "update", "rate"), [([np.inf], 11, 0.9), ([1, np.nan], 12, 1.0)])
def test_the_learning_rate_named_is_that_which_moved_the_parameters(costs, update, rate):
    rates = np.arange(0, 20) / 10
    with pytest.raises(DivergedError) as diverged:
        require_finite(np.array(costs), first=10, rates=rates)
    assert (diverged.value.update, diverged.value.learning_rate) == (update, rate)


def test_divergence_at_the_first_update_names_its_own_rate():
    with pytest.raises(DivergedError) as diverged:
        require_finite(np.array([np.nan]), first=0, rates=np.array([0.5, 0.6]))
    assert (diverged.value.update, diverged.value.learning_rate) == (1, 0.5)
