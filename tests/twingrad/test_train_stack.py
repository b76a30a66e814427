"""The course of trainings, around a learner whose costs are made up."""

import dataclasses

import numpy as np
import pytest

from tests.support import small_dataset, small_recipe
from twingrad.errors import UserError
from twingrad.history import Evaluation
from twingrad.network import Network
from twingrad.training import Checkpoint, Diverged, Run, train_stack

NETWORK, DATASET = Network(24, (), 10), small_dataset()


def recipes(number=3, **changes):
    return [small_recipe(seed=seed, hidden=(), epochs=None, half_cycle=7, cycles=2, **changes)
            for seed in range(number)]  # fmt: skip


class Scripted:
    """A learner whose only parameter counts its updates; costs and evaluations as told.

    Arguments:
        networks: how many.
        costs: {(network, update from 1): cost} where it is not 1; it stays so.
        evaluations: {(network, updates done): cost} where it is not 0.5.
    """

    def __init__(self, networks, costs=None, evaluations=None):
        self.costs, self.evaluations = costs or {}, evaluations or {}
        self.diverged = np.zeros(networks, dtype=bool)
        self.updates = 0
        self.precise = False
        self.inputs, self.evaluated = [], []

    def run_epoch(self, inputs):
        self.inputs.append(inputs)
        costs = np.ones(inputs.learning_rates.shape)
        for (i, update), cost in self.costs.items():
            if self.updates < update <= self.updates + costs.shape[1]:
                costs[i, update - self.updates - 1 :] = cost
        self.updates += costs.shape[1]
        return costs

    def evaluate(self, part):
        self.evaluated.append((part, self.updates))
        costs = [self.evaluations.get((i, self.updates), 0.5) for i in range(len(self.diverged))]
        return [
            Evaluation(cost, i, self.updates + 1000 * self.precise) for i, cost in enumerate(costs)
        ]

    def take_precise_statistics(self):
        self.precise = True

    def state(self):
        return [
            {name: np.full(shape, self.updates) for name, shape in NETWORK.parameter_shapes.items()}
            for _ in self.diverged
        ]

    def restore(self, states):
        self.diverged[:] = False
        self.updates = int(states[0]["b1"][0])


def run(learner, stack, **options):
    return train_stack(lambda *_: learner, stack, DATASET, **options)


def test_every_network_gets_its_history_and_its_end():
    stack = recipes()
    ended = run(Scripted(3), stack)
    assert [type(one) for one in ended] == [Run] * 3
    for i, one in enumerate(ended):
        assert one.recipe == stack[i]
        assert [(epoch.epoch, epoch.update) for epoch in one.history] == [(1, 10), (2, 20), (3, 28)]
        assert one.history[1].training == Evaluation(0.5, i, 20)
        assert one.final["test"] == Evaluation(0.5, i, 28)
        assert one.parameters["b1"].tolist() == [28] * 10


def test_the_learner_gets_what_the_recipe_draws():
    stack, learner = recipes(1), Scripted(1)
    [ended] = run(learner, stack)
    rates = stack[0].plan(500).learning_rates
    np.testing.assert_array_equal(
        np.concatenate([inputs.learning_rates[0] for inputs in learner.inputs]), rates
    )
    assert [inputs.order.shape for inputs in learner.inputs] == [(10, 50), (10, 50), (8, 50)]
    assert ended.history[2].learning_rates == tuple(rates[20:])


def test_every_minibatch_s_cost_is_kept():
    [one, other] = run(Scripted(2, costs={(1, 13): 7.0}), recipes(2))
    assert [len(epoch.costs) for epoch in one.history] == [10, 10, 8]
    assert one.history[1].costs == (1.0,) * 10
    assert other.history[1].costs == (1.0, 1.0) + (7.0,) * 8


@pytest.mark.parametrize(
    ("evaluate", "while_training", "at_the_end"),
    [
        (("training", "validation"), ("training", "validation"), ("test",)),
        (("validation",), ("validation",), ("training", "test")),
        ((), (), ("training", "validation", "test")),
    ],
)
def test_only_what_was_asked_for_is_evaluated_after_every_epoch(
    evaluate, while_training, at_the_end
):
    learner = Scripted(2)
    ended = run(learner, recipes(2), evaluate=evaluate)
    expected = [(part, update) for update in (10, 20, 28) for part in while_training]
    assert learner.evaluated == expected + [(part, 28) for part in at_the_end]
    for i, one in enumerate(ended):
        assert list(one.final) == ["training", "validation", "test"]
        assert set(one.final.values()) == {Evaluation(0.5, i, 28)}
        for part in ("training", "validation"):
            found = [getattr(epoch, part) is None for epoch in one.history]
            assert found == [part not in evaluate] * 3


def test_precise_statistics_are_taken_at_the_end_and_evaluated():
    learner = Scripted(2)
    one, _ = run(learner, recipes(2, precise_statistics=True))
    assert [epoch.training.accuracy for epoch in one.history] == [10, 20, 28]
    assert {part: end.accuracy for part, end in one.final.items()} == {
        "training": 1028,
        "validation": 1028,
        "test": 1028,
    }


def test_a_network_that_diverges_ends_alone():
    learner, stack, seen = Scripted(3, costs={(1, 13): np.inf}), recipes(), []
    ended = run(learner, stack, on_epoch=lambda epochs, total: seen.append((epochs, total)))
    rates = stack[1].plan(500).learning_rates
    gone = ended[1]
    assert [type(one) for one in ended] == [Run, Diverged, Run]
    assert (gone.update, gone.learning_rate, gone.cost) == (13, rates[11], np.inf)
    assert [epoch.update for epoch in gone.history] == [10]
    assert gone.costs == (1.0, 1.0)  # of updates 11 and 12
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
    assert (len(gone.history), gone.costs) == (1, (1.0,) * 10)
    assert learner.diverged.tolist() == [False, False, True]


def test_nothing_is_trained_when_all_have_diverged():
    learner = Scripted(2, costs={(0, 3): np.nan, (1, 12): np.nan})
    ended = run(learner, recipes(2))
    assert [one.update for one in ended] == [3, 12]
    assert len(learner.inputs) == 2


def test_it_continues_from_a_checkpoint():
    told = {"costs": {(1, 13): np.inf}}
    kept: list[Checkpoint] = []
    whole = run(Scripted(3, **told), recipes(), save=kept.append)
    assert [checkpoint.epochs for checkpoint in kept] == [1, 2, 3]
    assert [len(history) for history in kept[1].histories] == [2, 1, 2]
    for checkpoint in kept:
        learner = Scripted(3, **told)
        ended = run(learner, recipes(), start=checkpoint)
        assert len(learner.inputs) == 3 - checkpoint.epochs
        for one, other in zip(ended, whole, strict=True):
            assert [epoch.update for epoch in one.history] == [e.update for e in other.history]
        assert ended[1].update == whole[1].update
        assert learner.diverged.tolist() == [False, True, False]


def test_recipes_that_cannot_be_stacked_are_refused():
    stack = recipes()
    stack[1] = dataclasses.replace(stack[1], dtype="float64")
    with pytest.raises(UserError, match="equal dtype"):
        run(Scripted(3), stack)


def test_samples_that_are_no_images_are_refused():
    learner = Scripted(1)
    with pytest.raises(UserError, match="samples have 24 values"):
        run(learner, recipes(1, flip=True))
    assert learner.inputs == []
