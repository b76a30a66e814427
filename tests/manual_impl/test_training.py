"""The learner of one network: updates, evaluation, divergence, and states that come back."""

import dataclasses

import numpy as np
import pytest

import manual_impl
from manual_impl.augmentation import augment
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
from twingrad.dataset import Dataset, Split
from twingrad.errors import DivergedError
from twingrad.layers import NORMALIZATIONS
from twingrad.network import Network
from twingrad.stacks import stack_inputs

NETWORK = Network(24, (12, 9), normalization="batch")
DATA = small_dataset("float64")


def trained(recipe, updates=10, dataset=DATA):
    """A learner after its first updates, with masks where the recipe has dropout."""
    plan = recipe.plan(len(dataset.training))
    one = learner(manual_impl, recipe, dataset)
    inputs = stack_inputs([recipe], recipe.network(24, 10), 0, [plan])
    one.run_epoch(
        dataclasses.replace(
            inputs, order=inputs.order[:updates], learning_rates=inputs.learning_rates[:, :updates]
        )
    )
    return one


def parts_of(one):
    """Parameters and running statistics of a learner of one network."""
    [state] = one.state()
    parameters = {name: state[name] for name in one.network.parameter_shapes}
    return parameters, {name: state[name] for name in one.network.statistic_shapes if name in state}


def kinds(**more):
    """A recipe of every normalisation, with dropout and smoothing."""
    return [
        small_recipe(normalization=name, dropout=0.3, smoothing=0.1, dtype="float64", **more)
        for name in NORMALIZATIONS
    ]


every_kind = pytest.mark.parametrize("recipe", kinds(), ids=lambda recipe: recipe.normalization)


@every_kind
@pytest.mark.parametrize("part", ["training", "validation", "test"])
def test_evaluation_is_forward_with_running_statistics_on_the_whole_part(recipe, part):
    one = trained(recipe)
    parameters, statistics = parts_of(one)
    split = getattr(DATA, part)
    at_once = manual_impl.forward(
        one.network,
        parameters,
        split.X,
        split.y,
        penalty=recipe.penalty,
        statistics=statistics or None,
    )
    [found] = one.evaluate(part)
    # sums of 500 losses in another order
    assert found.loss == pytest.approx(float(at_once["loss"]), rel=1e-12)
    assert found.cost == pytest.approx(float(at_once["cost"]), rel=1e-12)
    assert found.accuracy == (at_once["p"].argmax(axis=1) == split.y).mean()


@pytest.mark.parametrize("chunk", [1, 7, 499, 500, 10_000])
def test_evaluation_in_chunks_equals_evaluation_at_once(chunk):
    recipe = small_recipe(dtype="float64")
    parameters, statistics = parts_of(trained(recipe))
    split = DATA.training
    [found], [whole] = (
        manual_impl.evaluate(NETWORK, parameters, statistics, split, penalty=0.01, chunk=size)
        for size in (chunk, len(split))
    )
    # sums of 500 losses in another order
    assert found.loss == pytest.approx(whole.loss, rel=1e-12)
    assert found.cost == pytest.approx(whole.cost, rel=1e-12)
    assert found.accuracy == whole.accuracy


def test_evaluation_of_many_networks_is_that_of_each():
    each = [random_parameters(NETWORK, seed) for seed in range(3)]
    rng = np.random.default_rng(0)
    statistics = {
        name: rng.uniform(0.5, 2, (3, *shape)) for name, shape in NETWORK.statistic_shapes.items()
    }
    stacked = {name: np.stack([one[name] for one in each]) for name in each[0]}
    penalty = np.array([0.0, 0.1, 0.5])
    together = manual_impl.evaluate(
        NETWORK, stacked, statistics, DATA.training, penalty=penalty, chunk=70
    )
    for i, found in enumerate(together):
        own = {name: value[i] for name, value in statistics.items()}
        [expected] = manual_impl.evaluate(
            NETWORK, each[i], own, DATA.training, penalty=float(penalty[i])
        )
        assert found.cost == pytest.approx(expected.cost, rel=1e-12)
        assert found.accuracy == expected.accuracy


def test_evaluation_leaves_parameters_and_statistics():
    one = trained(small_recipe(dtype="float64"))
    before = bits(one.state()[0])
    one.evaluate("validation")
    assert bits(one.state()[0]) == before


@pytest.mark.parametrize("normalization", ["batch", "batch-after"])
def test_evaluation_before_there_are_running_statistics_is_refused(normalization):
    one = learner(manual_impl, small_recipe(normalization=normalization), small_dataset())
    with pytest.raises(RuntimeError, match="train on a minibatch first"):
        one.evaluate("test")


@pytest.mark.parametrize("normalization", ["none", "layer"])
def test_evaluation_without_running_statistics_needs_no_update(normalization):
    recipe = small_recipe(normalization=normalization, dtype="float64")
    one = learner(manual_impl, recipe, DATA)
    parameters, _ = parts_of(one)
    expected = manual_impl.forward(
        one.network, parameters, DATA.test.X, DATA.test.y, penalty=recipe.penalty
    )
    assert one.evaluate("test")[0].cost == pytest.approx(float(expected["cost"]), rel=1e-12)


def test_equal_logits_count_as_the_first_class():
    network, split = Network(24, (), 10), DATA.test
    zeros = {name: np.zeros(shape) for name, shape in network.parameter_shapes.items()}
    [found] = manual_impl.evaluate(network, zeros, {}, split, penalty=0.0)
    assert found.accuracy == (split.y == 0).mean()
    assert found.loss == pytest.approx(np.log(10), rel=1e-14)


@every_kind
def test_an_update_returns_the_cost_before_it(recipe):
    one = learner(manual_impl, recipe, DATA)
    parameters, _ = parts_of(one)
    inputs = stack_inputs([recipe], one.network, 0, [recipe.plan(500)])
    X, y = DATA.training.X[inputs.order[0]], DATA.training.y[inputs.order[0]]
    masks = {name: mask[0] for name, mask in inputs.masks.items()}
    expected = manual_impl.forward(
        one.network, parameters, X, y, penalty=recipe.penalty, masks=masks
    )
    [costs] = one.run_epoch(inputs)
    assert costs[0] == pytest.approx(float(expected["cost"]), rel=1e-14)  # the same products


def test_every_minibatch_has_its_own_augmentation_and_masks():
    recipe = small_recipe(flip=True, shift=1, jitter=0.1, dropout=0.3, dtype="float64")
    data = small_dataset("float64", inputs=48)
    one = learner(manual_impl, recipe, data)
    parameters, _ = parts_of(one)
    inputs = stack_inputs([recipe], one.network, 0, [recipe.plan(500)])
    inputs.learning_rates[:] = 0
    [costs] = one.run_epoch(inputs)
    for u, chosen in enumerate(inputs.order):
        X, y = augment(data.training.X[chosen], inputs.augmentation, u), data.training.y[chosen]
        masks = {name: mask[u] for name, mask in inputs.masks.items()}
        trace = manual_impl.forward(
            one.network, parameters, X, y, penalty=recipe.penalty, masks=masks
        )
        assert costs[u] == pytest.approx(float(trace["cost"]), rel=1e-12)


@pytest.mark.parametrize("alpha", [0.0, 0.25, 0.9])
def test_running_statistics_are_averaged_over_the_updates_of_every_epoch(alpha):
    one = learner(manual_impl, small_recipe(alpha=alpha, dtype="float64"), DATA)
    parameters, _ = parts_of(one)
    one.run_epoch(epoch_inputs(rows(0, 1), [0.0, 0.0]))
    one.run_epoch(epoch_inputs(rows(2, 3), [0.0, 0.0]))
    for name in one.network.statistic_shapes:
        of_each = [
            manual_impl.forward(
                one.network, parameters, DATA.training.X[i], DATA.training.y[i], penalty=0.0
            )[name]
            for i in rows(0, 1, 2, 3)
        ]
        expected = of_each[0]
        for value in of_each[1:]:
            expected = alpha * expected + (1 - alpha) * value
        # sums of 50 terms
        np.testing.assert_allclose(one.state()[0][name], expected, atol=1e-13, rtol=1e-12)


def test_parameters_changed_from_outside_count_in_the_next_cost():
    recipe = small_recipe(dtype="float64", penalty=0.1)
    one = trained(recipe, updates=1)
    one.parameters["W1"] *= 3
    parameters, _ = parts_of(one)
    expected = manual_impl.forward(
        one.network, parameters, DATA.training.X[50:100], DATA.training.y[50:100], penalty=0.1
    )
    [[cost]] = one.run_epoch(epoch_inputs(rows(1), [0.1]))
    assert cost == pytest.approx(float(expected["cost"]), rel=1e-13)  # sums of 300 terms


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_a_cost_that_is_not_finite_ends_the_epoch_and_changes_nothing(normalization):
    recipe = small_recipe(normalization=normalization, dtype="float64", optimizer="adam")
    broken = dataclasses.replace(DATA.training, X=DATA.training.X.copy())
    broken.X[150] = np.inf  # of the fourth minibatch
    dataset = dataclasses.replace(DATA, training=broken)
    one, short = (learner(manual_impl, recipe, each) for each in (dataset, DATA))
    costs = one.run_epoch(epoch_inputs(rows(*range(10)), np.full(10, 0.01)))
    short.run_epoch(epoch_inputs(rows(0, 1, 2), np.full(3, 0.01)))
    assert costs.shape == (1, 10)
    assert np.isfinite(costs[0]).tolist() == [True] * 3 + [False] * 7
    assert one.diverged.tolist() == [True]
    assert bits(one.state()[0]) == bits(short.state()[0])
    assert np.isnan(one.evaluate("test")[0].cost)


def test_a_diverged_network_stays_where_it_was_in_the_next_epoch():
    one = learner(manual_impl, small_recipe(), small_dataset())
    one.parameters["W1"][...] = np.nan
    one.run_epoch(epoch_inputs(rows(0, 1), [0.1, 0.1]))
    before = bits(one.state()[0])
    costs = one.run_epoch(epoch_inputs(rows(0, 1), [0.1, 0.1]))
    assert np.isnan(costs).all()
    assert bits(one.state()[0]) == before


def test_divergence_raises_with_the_update_it_was_at():
    recipe = small_recipe(penalty=1.0, eta_min=3.0, eta_max=3.0)
    # 3 and lambda 1 multiply W by -5 at every update: W^2 overflows float32 after about 27
    with pytest.raises(DivergedError) as diverged:
        manual_impl.train(recipe, small_dataset())
    assert 20 < diverged.value.update <= 30


@every_kind
def test_a_restored_network_continues_bit_for_bit(recipe):
    whole, other = trained(recipe), learner(manual_impl, recipe, DATA)
    other.restore(whole.state())
    for one in (whole, other):
        one.run_epoch(stack_inputs([recipe], one.network, 1, [recipe.plan(500)]))
    assert bits(other.state()[0]) == bits(whole.state()[0])
    assert other.evaluate("test") == whole.evaluate("test")


@pytest.mark.parametrize("normalization", ["none", "batch"])
def test_a_state_without_the_number_of_updates_continues_bit_for_bit(normalization):
    recipe = small_recipe(normalization=normalization, dtype="float64")
    whole, other = trained(recipe), learner(manual_impl, recipe, DATA)
    old = [{name: value for name, value in whole.state()[0].items() if name != "updates"}]
    other.restore(old)
    assert other.evaluate("test") == whole.evaluate("test")
    for one in (whole, other):
        one.run_epoch(epoch_inputs(rows(3, 4), [0.1, 0.1]))
    found, expected = other.state()[0], whole.state()[0]
    # had the statistics started anew, they would be those of one minibatch
    for name in old[0]:
        assert found[name].tobytes() == expected[name].tobytes(), name


@pytest.mark.parametrize("normalization", ["batch", "batch-after"])
def test_precise_statistics_are_those_of_the_training_set_as_one_minibatch(normalization):
    recipe = small_recipe(normalization=normalization, dropout=0.3, dtype="float64")
    one = trained(recipe)
    parameters, running = parts_of(one)
    one.take_precise_statistics()
    after, precise = parts_of(one)
    assert bits(after) == bits(parameters)
    x = DATA.training.X
    for l in (1, 2):
        s = x @ parameters[f"W{l}"].T + parameters[f"b{l}"]
        z = s if normalization == "batch" else np.maximum(s, 0)
        mu, v = z.mean(axis=0), z.var(axis=0)
        np.testing.assert_allclose(precise[f"mu{l}"], mu, atol=1e-13, rtol=1e-12)
        np.testing.assert_allclose(precise[f"v{l}"], v, rtol=1e-12)  # sums of 500 terms
        assert np.abs(running[f"v{l}"] - v).max() > 1e-3
        tilde = parameters[f"gamma{l}"] * (z - mu) / np.sqrt(v + one.network.eps)
        tilde += parameters[f"beta{l}"]
        x = np.maximum(tilde, 0) if normalization == "batch" else tilde


def test_a_training_with_precise_statistics_is_evaluated_with_them():
    recipe = small_recipe(precise_statistics=True, dtype="float64", epochs=1)
    run = manual_impl.train(recipe, DATA)
    plain = manual_impl.train(dataclasses.replace(recipe, precise_statistics=False), DATA)
    assert bits(run.parameters) == bits(plain.parameters)
    s = DATA.training.X @ run.parameters["W1"].T + run.parameters["b1"]
    np.testing.assert_allclose(run.statistics["v1"], s.var(axis=0), rtol=1e-12)
    at_once = manual_impl.forward(
        NETWORK,
        run.parameters,
        DATA.test.X,
        DATA.test.y,
        penalty=recipe.penalty,
        statistics=run.statistics,
    )
    assert run.final["test"].loss == pytest.approx(float(at_once["loss"]), rel=1e-12)


def test_narrow_data_are_widened_minibatch_by_minibatch():
    recipe, narrow = small_recipe(dtype="float64"), small_dataset("float32")
    wide = Dataset(
        *(
            Split(split.X.astype("float64"), split.y)
            for split in (narrow.training, narrow.validation, narrow.test)
        ),
        10,
        {},
    )
    first, second = (trained(recipe, dataset=each) for each in (narrow, wide))
    assert bits(first.state()[0]) == bits(second.state()[0])
    assert first.evaluate("test") == second.evaluate("test")


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_float32_stays_near_float64(normalization):
    ends = []
    for dtype in ("float32", "float64"):
        recipe = small_recipe(normalization=normalization, dtype=dtype)
        one = learner(manual_impl, recipe, small_dataset())
        one.run_epoch(epoch_inputs(rows(*range(10)), np.full(10, 0.05)))
        ends.append((one.state()[0], one.evaluate("test")[0]))
    (narrow, found), (wide, expected) = ends
    # some 30 roundings of float32; 5 were seen
    assert_same_states(narrow, wide, 5e-6)
    assert found.cost == pytest.approx(expected.cost, rel=5e-6)
