"""The course of stacked trainings, around a learner whose costs are made up."""

import dataclasses

import numpy as np
import pytest

from tests.support import small_dataset, small_recipe
from twingrad.errors import UserError
from twingrad.history import Evaluation
from twingrad.initialization import initialize
from twingrad.minibatches import minibatch_order
from twingrad.network import Network
from twingrad.stacking import (
    Diverged,
    StackCheckpoint,
    initial_parameters,
    require_stackable,
    run_stacked,
    stacked_order,
)
from twingrad.training import Run

NETWORK, DATASET = Network(24, (), 10), small_dataset()


def recipes(number=3, **changes):
    return [small_recipe(seed=seed, hidden=(), epochs=None, half_cycle=7, cycles=2, **changes)
            for seed in range(number)]  # fmt: skip


class Scripted:
    """A learner whose only parameter counts its updates; costs and evaluations as told.

    Arguments:
        models: how many.
        costs: {(model, update from 1): cost} where it is not 1.
        evaluations: {(model, updates done): cost} likewise.
    """

    def __init__(self, models, costs=None, evaluations=None):
        self.costs, self.evaluations = costs or {}, evaluations or {}
        self.diverged = np.zeros(models, dtype=bool)
        self.updates = 0
        self.orders, self.rates = [], []

    def run_epoch(self, order, learning_rates):
        self.orders.append(order)
        self.rates.append(learning_rates)
        costs = np.ones(learning_rates.shape)
        for (i, update), cost in self.costs.items():
            if self.updates < update <= self.updates + costs.shape[1]:
                costs[i, update - self.updates - 1 :] = cost
        self.updates += costs.shape[1]
        return costs

    def evaluate(self, part):
        models = range(len(self.diverged))
        costs = [self.evaluations.get((i, self.updates), 0.5) for i in models]
        return [Evaluation(cost, i, self.updates) for i, cost in enumerate(costs)]

    def state(self):
        return [
            {name: np.full(shape, self.updates) for name, shape in NETWORK.parameter_shapes.items()}
            for _ in self.diverged
        ]

    def restore(self, states):
        self.diverged[:] = False
        self.updates = int(states[0]["b1"][0])


def run(learner, stack, **options):
    return run_stacked(learner, stack, NETWORK, DATASET, **options)


def test_every_model_gets_its_history_and_its_end():
    stack = recipes()
    ended = run(Scripted(3), stack)
    assert [type(one) for one in ended] == [Run] * 3
    for i, one in enumerate(ended):
        assert one.recipe == stack[i]
        assert [(epoch.epoch, epoch.update) for epoch in one.history] == [(1, 10), (2, 20), (3, 28)]
        assert one.history[1].training == Evaluation(0.5, i, 20)
        assert one.final["test"] == Evaluation(0.5, i, 28)
        assert one.parameters["b1"].tolist() == [28] * 10


def test_every_model_gets_its_own_learning_rates():
    stack = [dataclasses.replace(r, eta_max=0.1 * (i + 1)) for i, r in enumerate(recipes())]
    stack[2] = dataclasses.replace(stack[2], half_cycle=14, cycles=1)
    learner = Scripted(3)
    ended = run(learner, stack)
    expected = [recipe.plan(500).learning_rates for recipe in stack]
    np.testing.assert_array_equal(np.concatenate(learner.rates, axis=1), expected)
    assert ended[1].history[2].learning_rates == tuple(expected[1][20:])


def test_equal_order_seeds_share_the_minibatches():
    learner = Scripted(3)
    run(learner, recipes(order_seed=4))
    assert [order.shape for order in learner.orders] == [(10, 50), (10, 50), (8, 50)]
    np.testing.assert_array_equal(learner.orders[1], minibatch_order(4, 1, 500, 50))


def test_unshuffled_recipes_share_the_minibatches_whatever_their_seeds():
    order = stacked_order(recipes(unshuffled=True), epoch=1, samples=500)
    assert order.ravel().tolist() == list(range(500))


def test_other_order_seeds_do_not():
    order = stacked_order(recipes(), epoch=1, samples=500)
    expected = [minibatch_order(seed, 1, 500, 50) for seed in range(3)]
    np.testing.assert_array_equal(order, expected)


def test_a_model_that_diverges_ends_alone():
    learner, stack, seen = Scripted(3, costs={(1, 13): np.inf}), recipes(), []
    ended = run(learner, stack, on_epoch=lambda epochs, total: seen.append((epochs, total)))
    rates = stack[1].plan(500).learning_rates
    gone = ended[1]
    assert [type(one) for one in ended] == [Run, Diverged, Run]
    assert (gone.update, gone.learning_rate, gone.cost) == (13, rates[11], np.inf)
    assert [epoch.update for epoch in gone.history] == [10]
    assert learner.diverged.tolist() == [False, True, False]
    assert [[epoch is None for epoch in epochs] for epochs, _ in seen] == [
        [False, False, False],
        [False, True, False],
        [False, True, False],
    ]
    assert [total for _, total in seen] == [3, 3, 3]


def test_divergence_in_the_last_update_is_found_by_the_evaluation():
    learner, stack = Scripted(3, evaluations={(2, 20): np.nan}), recipes()
    gone = run(learner, stack)[2]
    assert isinstance(gone, Diverged)
    assert (gone.update, gone.learning_rate) == (20, stack[2].plan(500).learning_rates[19])
    assert len(gone.history) == 1
    assert learner.diverged.tolist() == [False, False, True]


def test_nothing_is_trained_when_all_have_diverged():
    learner = Scripted(2, costs={(0, 3): np.nan, (1, 12): np.nan})
    ended = run(learner, recipes(2))
    assert [one.update for one in ended] == [3, 12]
    assert len(learner.orders) == 2


def test_it_continues_from_a_checkpoint():
    told = {"costs": {(1, 13): np.inf}}
    kept: list[StackCheckpoint] = []
    whole = run(Scripted(3, **told), recipes(), save=kept.append)
    assert [checkpoint.epochs for checkpoint in kept] == [1, 2, 3]
    assert [len(history) for history in kept[1].histories] == [2, 1, 2]
    for checkpoint in kept:
        learner = Scripted(3, **told)
        ended = run(learner, recipes(), start=checkpoint)
        assert len(learner.orders) == 3 - checkpoint.epochs
        for one, other in zip(ended, whole, strict=True):
            assert [epoch.update for epoch in one.history] == [e.update for e in other.history]
        assert ended[1].update == whole[1].update
        assert learner.diverged.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("hidden", {"hidden": (3,)}),
        ("batch_norm", {"batch_norm": False}),
        ("batch_size", {"batch_size": 20}),
        ("dtype", {"dtype": "float64"}),
        ("alpha", {"alpha": 0.5}),
        ("batches", {"batches": 1}),
        ("train_size", {"train_size": 100}),
        ("length", {"cycles": 3}),
        ("length", {"half_cycle": 8}),
        ("length", {"epochs": 3}),
    ],
)
def test_what_differs_is_named(field, changes):
    stack = recipes()
    stack[2] = dataclasses.replace(stack[2], **changes)
    with pytest.raises(UserError, match=rf"equal {field}, .*number 3 is"):
        require_stackable(stack)


@pytest.mark.parametrize(
    "changes",
    [
        {"penalty": 0.1},
        {"eta_min": 0.01},
        {"eta_max": 0.3},
        {"initialization": "xavier"},
        {"seed": 9},
        {"order_seed": 9},
        {"half_cycle": 14, "cycles": 1},
        {"name": "other"},
    ],
)
def test_what_may_differ(changes):
    stack = recipes()
    stack[2] = dataclasses.replace(stack[2], **changes)
    require_stackable(stack)


def test_cycles_of_5_epochs_are_as_long_as_their_epochs():
    require_stackable([small_recipe(epochs=20), small_recipe(epochs=None, cycles=2)])


def test_an_empty_stack_is_refused():
    with pytest.raises(UserError, match="0 recipes"):
        require_stackable([])


def test_initial_parameters_are_each_recipe_s_and_drawn_once_for_equal_neighbours():
    network = Network(24, (5,), 10)
    starts = [("he", 0), ("he", 0), ("0.1", 0), ("0.1", 1), ("he", 0)]
    wanted = [small_recipe(initialization=scheme, seed=seed) for scheme, seed in starts]
    found = list(initial_parameters(network, wanted))
    for parameters, start in zip(found, starts, strict=True):
        np.testing.assert_array_equal(parameters["W1"], initialize(network, *start)["W1"])
    assert [found[1] is found[0], found[2] is found[1], found[3] is found[2]] == [
        True,
        False,
        False,
    ]
