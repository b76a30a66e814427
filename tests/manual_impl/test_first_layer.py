"""The first layer in blocks of updates against one update after another."""

import dataclasses
from functools import cache

import numpy as np
import pytest

import manual_impl
from manual_impl import first_layer, training
from manual_impl.augmentation import augment
from manual_impl.first_layer import Blocks, block_length
from tests.support import (
    assert_same_states,
    bits,
    epoch_inputs,
    learner,
    random_masks,
    random_parameters,
    small_dataset,
    small_recipe,
)
from twingrad.stacks import stack_inputs

WITHIN = 1e-9
"""After 200 updates in float64, of a tensor's size or of 1: as the issue has it."""

NETWORKS = 5
DATA = small_dataset("float64", samples=220)
BATCH = 20  # 11 updates an epoch: the last block of 2 or 4 is not full

in_blocks = pytest.mark.parametrize("K", [2, 4])


def rates_and_penalties(case):
    """Learning rates (networks, 200) and lambda of each network."""
    rng = np.random.default_rng(1)
    rates = 0.05 * rng.random((NETWORKS, 200))
    penalty = np.array([0.0, 1e-3, 0.05, 0.2, 0.0])
    if case == "strong decay":  # c is multiplied by 0.2 to 1 in every update: it must not vanish
        penalty = np.array([0.0, 1.0, 4.0, 8.0, 7.9])
    return rates, penalty


def one_by_one(network, recipe, start, X, y, masks, rates, penalty):
    """Plain gradient descent by `forward` and `gradients`, each network by itself; its costs."""
    ends, costs = [], np.empty(rates.shape)
    for i, each in enumerate(start):
        w = {name: value.copy() for name, value in each.items()}
        for u in range(rates.shape[1]):
            given = (network, w, X[u], y[u])
            drop = {name: mask[u] for name, mask in masks.items()} or None
            trace = manual_impl.forward(*given, penalty=float(penalty[i]), masks=drop)
            costs[i, u] = trace["cost"]
            decay = 0.0 if recipe.decoupled else float(penalty[i])
            G = manual_impl.backward(*given, trace, penalty=decay, masks=drop)
            for name in recipe.unpenalised:
                G[name] = G[name] - 2 * decay * w[name]
            for name, value in w.items():
                if recipe.decoupled and name[0] == "W":
                    value *= 1 - 2 * rates[i, u] * penalty[i]
                value -= rates[i, u] * G[name]
        ends.append(w)
    return ends, costs


def by_blocks(network, recipe, start, X, y, masks, rates, penalty, K):
    """The same by `Blocks`; the layers above the first move here."""
    w = {name: np.stack([each[name] for each in start]) for name in start[0]}
    costs, blocks = np.empty(rates.shape), Blocks(network, recipe, w, penalty, K)
    for u in range(rates.shape[1]):
        if u % K == 0:
            blocks.begin(X[u : u + K], y[u : u + K])
        drop = {name: mask[u] for name, mask in masks.items()} or None
        costs[:, u] = blocks.forward(u % K, drop)["cost"]
        G = blocks.backward(u % K, rates[:, u])
        assert "W1" not in blocks.trained
        for name, value in blocks.trained.items():
            eta = rates[:, u].reshape(-1, *[1] * (value.ndim - 1))
            if recipe.decoupled and name[0] == "W":
                value *= 1 - 2 * eta * penalty.reshape(-1, 1, 1)
            value -= eta * G[name]
    blocks.finish()
    return [{name: value[i] for name, value in w.items()} for i in range(len(start))], costs


@cache
def trained_one_by_one(normalization, case):
    """A training and how it ends: the arguments of `one_by_one`, and what it returned."""

    class Faulty(type(small_recipe())):
        unpenalised = ("W1",) if case == "unpenalised" else ()

    recipe = Faulty(
        hidden=(5, 4),
        normalization=normalization,
        dropout=0.2,
        smoothing=0.1,
        activation="leaky_relu",
        decoupled=case == "decoupled",
        dtype="float64",
    )
    # an eps that keeps a normalisation smooth where W1 decays to nothing
    network = dataclasses.replace(recipe.network(24, 10), eps=1e-2)
    rates, penalty = rates_and_penalties(case)
    start = [random_parameters(network, seed) for seed in range(NETWORKS)]
    order = np.random.default_rng(0).integers(0, 220, (200, BATCH))
    X, y = DATA.training.X[order], DATA.training.y[order]
    drawn = [random_masks(network, BATCH, u) for u in range(200)]
    masks = {name: np.stack([one[name] for one in drawn]) for name in drawn[0]}
    given = (network, recipe, start, X, y, masks, rates, penalty)
    return given, one_by_one(*given)


@in_blocks
@pytest.mark.parametrize(
    ("normalization", "case"),
    [
        ("none", "plain"),
        ("none", "strong decay"),
        ("batch", "strong decay"),
        ("batch-after", "decoupled"),
        ("layer", "unpenalised"),
    ],
)
def test_200_updates_in_blocks_equal_200_updates_one_by_one(normalization, case, K):
    given, (expected, expected_costs) = trained_one_by_one(normalization, case)
    found, costs = by_blocks(*given, K)
    np.testing.assert_allclose(costs, expected_costs, rtol=WITHIN)
    for one, other in zip(found, expected, strict=True):
        assert_same_states(one, other, WITHIN)


@in_blocks
@pytest.mark.parametrize("updates", [5, 6, 7])
def test_a_training_that_ends_within_a_block_has_all_its_updates(updates, K):
    given, _ = trained_one_by_one("none", "plain")
    network, recipe, start, X, y, masks, rates, penalty = given
    until = {name: mask[:updates] for name, mask in masks.items()}
    short = (network, recipe, start, X, y, until, rates[:, :updates], penalty)
    expected, _ = one_by_one(*short)
    found, _ = by_blocks(*short, K)  # the last block takes K minibatches, and not all are used
    for one, other in zip(found, expected, strict=True):
        assert_same_states(one, other, 1e-12)


@pytest.fixture
def block_of(monkeypatch):
    """Makes learners take blocks of K updates, or none where K is 0."""
    monkeypatch.setattr(training, "GROUP", NETWORKS)

    def choose(K):
        monkeypatch.setattr(first_layer, "block_length", lambda *args: K)

    return choose


def stack_of(**changes):
    """Recipes that share their minibatches: epochs of 11 updates."""
    settings = {"hidden": (5, 4), "dtype": "float64", "batch_size": BATCH, "epochs": 6} | changes
    penalties = (0.0, 1e-3, 0.05, 0.1, 1e-4)
    return [
        small_recipe(penalty=penalty, eta_max=0.03 + 0.01 * i, half_cycle=40, **settings)
        for i, penalty in enumerate(penalties)
    ]


def run(recipes, epochs=6, change=None, dataset=DATA):
    """A learner after its epochs, and the costs of all updates."""
    network, plans = recipes[0].network(24, 10), [one.plan(220) for one in recipes]
    group, costs = learner(manual_impl, recipes, dataset), []
    for epoch in range(epochs):
        inputs = stack_inputs(recipes, network, epoch, plans)
        if change is not None:
            change(epoch, inputs.learning_rates)
        costs.append(group.run_epoch(inputs))
    return group, np.concatenate(costs, axis=1)


@in_blocks
@pytest.mark.parametrize("normalization", ["none", "batch", "batch-after", "layer"])
def test_a_learner_in_blocks_ends_as_one_without(block_of, normalization, K):
    recipes = stack_of(
        normalization=normalization, dropout=0.2 if K == 2 else 0.0, smoothing=0.1 if K == 4 else 0
    )
    block_of(0)
    plain, expected = run(recipes)
    block_of(K)
    group, costs = run(recipes)
    assert costs.shape == (NETWORKS, 66)
    np.testing.assert_allclose(costs, expected, rtol=WITHIN)
    for found, state in zip(group.state(), plain.state(), strict=True):
        assert_same_states(found, state, WITHIN)


@in_blocks
@pytest.mark.parametrize(
    ("normalization", "update"),
    [("none", 1), ("batch", 2), ("none", 3), ("batch", 4), ("none", 10)],
)
def test_a_network_that_diverges_within_a_block_is_frozen_as_it_was(
    block_of, normalization, update, K
):
    recipes, epoch_of_it = stack_of(normalization=normalization, initialization="0.1"), 1

    def explode(epoch, rates):
        if epoch == epoch_of_it:
            rates[0, update - 1] = 1e300  # with a penalty this would not be done in blocks

    block_of(0)
    plain, expected = run(recipes, epochs=2, change=explode)
    block_of(K)
    group, costs = run(recipes, epochs=2, change=explode)
    calm, calm_costs = run(recipes, epochs=2)
    assert np.isfinite(expected[0]).tolist() == [True] * (11 + update) + [False] * (11 - update)
    assert (np.isfinite(costs) == np.isfinite(expected)).all()
    np.testing.assert_allclose(costs[0, : 11 + update], expected[0, : 11 + update], rtol=WITHIN)
    assert group.diverged.tolist() == [True, False, False, False, False]
    found, state = group.state()[0], plain.state()[0]
    # the last update, of 1e300, adds the rounding of small gradients at that size
    names = recipes[0].network(24, 10).parameter_shapes
    size = max(np.abs(state[name]).max() for name in names)
    for name in names:
        np.testing.assert_allclose(found[name], state[name], rtol=0, atol=WITHIN * size)
    for i in (1, 2, 3, 4):
        assert costs[i].tobytes() == calm_costs[i].tobytes()
        assert bits(group.state()[i]) == bits(calm.state()[i])


@in_blocks
@pytest.mark.parametrize("done", [1, 2, 5, 6, 7, 10])
def test_networks_that_diverge_by_their_input_keep_the_parameters_from_before(block_of, done, K):
    recipes = stack_of()
    network, plans = recipes[0].network(24, 10), [one.plan(220) for one in recipes]
    inputs = stack_inputs(recipes, network, 0, plans)
    block_of(0)
    plain = learner(manual_impl, recipes, DATA)
    plain.run_epoch(
        dataclasses.replace(
            inputs, order=inputs.order[:done], learning_rates=inputs.learning_rates[:, :done]
        )
    )
    block_of(K)
    broken = learner(manual_impl, recipes, with_nan(inputs.order[done, 0]))
    costs = broken.run_epoch(inputs)
    assert np.isfinite(costs).sum(axis=1).tolist() == [done] * NETWORKS
    for found, state in zip(broken.state(), plain.state(), strict=True):
        for name in network.parameter_shapes:
            # moderate parameters, a few updates from the start
            np.testing.assert_allclose(found[name], state[name], atol=1e-12, rtol=0, err_msg=name)


def with_nan(sample):
    """The data with a training sample that is NaN."""
    X = DATA.training.X.copy()
    X[sample] = np.nan
    return dataclasses.replace(DATA, training=dataclasses.replace(DATA.training, X=X))


@in_blocks
def test_a_network_marked_by_the_caller_stays_where_it_is(block_of, K):
    block_of(K)
    group, _ = run(stack_of(), epochs=1)
    before = group.state()[3]
    group.diverged[3] = True
    group.run_epoch(epoch_inputs(np.arange(220).reshape(11, 20), np.full((NETWORKS, 11), 0.1)))
    assert bits(group.state()[3]) == bits(before)


@in_blocks
def test_float32_in_blocks_stays_float32_near_float64(block_of, K):
    ends = []
    for dtype in ("float32", "float64"):
        block_of(K if dtype == "float32" else 0)
        ends.append(run(stack_of(dtype=dtype), epochs=3))
    (narrow, costs), (wide, expected) = ends
    np.testing.assert_allclose(costs, expected, rtol=1e-5)
    for found, state in zip(narrow.state(), wide.state(), strict=True):
        for name, value in state.items():
            assert name == "updates" or found[name].dtype == np.float32
            # some 100 roundings of float32
            atol = 1e-5 * max(1.0, np.abs(value).max())
            np.testing.assert_allclose(found[name], value, atol=atol, rtol=0, err_msg=name)


@in_blocks
def test_a_network_frozen_within_a_block_keeps_its_dtype(block_of, K):
    block_of(K)

    def explode(epoch, rates):
        rates[2, 4] = 1e30

    group, _ = run(stack_of(dtype="float32"), epochs=1, change=explode)
    assert group.diverged.tolist() == [False, False, True, False, False]
    assert {value.dtype for name, value in group.state()[2].items() if name != "updates"} == {
        np.dtype("float32")
    }


@in_blocks
def test_every_minibatch_of_a_block_has_its_own_augmentation_and_masks(block_of, K):
    block_of(K)
    data = small_dataset("float64", samples=220, inputs=48)
    recipes = stack_of(flip=True, shift=1, jitter=0.1, dropout=0.3)
    network, plans = recipes[0].network(48, 10), [one.plan(220) for one in recipes]
    inputs = stack_inputs(recipes, network, 0, plans)
    inputs.learning_rates[:] = 0
    group = learner(manual_impl, recipes, data)
    start, costs = group.state(), group.run_epoch(inputs)
    for u, chosen in enumerate(inputs.order):
        X = augment(data.training.X[chosen], inputs.augmentation, u)
        drop = {name: mask[u] for name, mask in inputs.masks.items()}
        for i, recipe in enumerate(recipes):
            w = {name: start[i][name] for name in network.parameter_shapes}
            trace = manual_impl.forward(
                network, w, X, data.training.y[chosen], penalty=recipe.penalty, masks=drop
            )
            assert costs[i, u] == pytest.approx(float(trace["cost"]), rel=1e-12)


def test_c_is_multiplied_into_W1_before_it_vanishes():
    recipe = small_recipe(hidden=(5,), dtype="float64")
    network, penalty = recipe.network(24, 10), np.array([0.0, 4.0])
    start = [random_parameters(network, seed) for seed in range(2)]
    w = {name: np.stack([each[name] for each in start]) for name in start[0]}
    blocks, smallest = Blocks(network, recipe, w, penalty, 2), []
    X, y = DATA.training.X[:40].reshape(2, 20, 24), DATA.training.y[:40].reshape(2, 20)
    for _ in range(20):
        blocks.begin(X, y)
        smallest.append(blocks.c[1])
        for k in range(2):
            blocks.forward(k, None)
            blocks.backward(k, np.array([0.1, 0.1]))
    # 1 - 2 * 0.1 * 4 = 0.2: after 2 blocks c is 0.2^4, above 1e-3, after 3 it starts at 1 again
    assert smallest[:6] == pytest.approx([1, 0.2**2, 0.2**4, 1, 0.2**2, 0.2**4])
    assert min(smallest) > first_layer.MIN_SCALE
    assert blocks.c[0] == 1


def length(networks=64, penalty=0.005, eta=0.1, **changes):
    recipe = small_recipe(**changes)
    rates = np.full((networks, 3), eta)
    return block_length(recipe.network(24, 10), recipe, np.full(networks, penalty), rates)


def test_blocks_are_for_many_networks_by_plain_descent():
    assert length() == 4
    assert length(networks=first_layer.MIN_NETWORKS_FOR_FOUR - 1) == 2
    assert length(networks=first_layer.MIN_NETWORKS) == 2
    assert length(networks=first_layer.MIN_NETWORKS - 1) == 0
    for optimizer in ("momentum", "nesterov", "adam"):
        assert length(optimizer=optimizer) == 0
    assert length(hidden=()) == 0
    recipe = small_recipe()
    assert block_length(recipe.network(24, 10), recipe, 0.005, np.full(3, 0.1)) == 0


def test_blocks_end_where_the_decay_would_take_W1_near_0_or_through_it():
    assert length(penalty=4.0, eta=0.1) == 4  # 1 - 0.8
    assert length(penalty=4.99, eta=0.1) == 0  # 1 - 0.998
    assert length(penalty=5.0, eta=0.1) == 0
    assert length(penalty=30.0, eta=0.1) == 0
    assert length(penalty=np.nan) == 0


def test_a_decay_through_0_trains_as_it_does_alone(monkeypatch):
    monkeypatch.setattr(first_layer, "MIN_NETWORKS", 2)
    recipes = [small_recipe(dtype="float64", penalty=penalty, eta_min=0.1) for penalty in (0.0, 5)]
    group = learner(manual_impl, recipes, small_dataset("float64"))
    order = np.arange(200).reshape(4, 50)
    costs = group.run_epoch(epoch_inputs(order, np.full((2, 4), 0.1)))
    for i, recipe in enumerate(recipes):
        alone = learner(manual_impl, recipe, small_dataset("float64"))
        [expected] = alone.run_epoch(epoch_inputs(order, np.full(4, 0.1)))
        np.testing.assert_allclose(costs[i], expected, rtol=WITHIN)
        assert_same_states(group.state()[i], alone.state()[0], WITHIN)


def test_learners_of_many_networks_take_blocks(monkeypatch):
    made = []

    class Watched(Blocks):
        def __init__(self, *args):
            made.append(args[-1])
            super().__init__(*args)

    monkeypatch.setattr(first_layer, "Blocks", Watched)
    recipes = [small_recipe(penalty=0.001 * i) for i in range(first_layer.MIN_NETWORKS)]
    group = learner(manual_impl, recipes, small_dataset())
    group.run_epoch(epoch_inputs(np.arange(100).reshape(2, 50), np.full((len(recipes), 2), 0.01)))
    assert made == [2]
