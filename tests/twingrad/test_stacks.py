"""Which recipes can train as one stack, and what they draw together."""

import dataclasses

import numpy as np
import pytest

from tests.support import small_recipe
from twingrad.errors import UserError
from twingrad.initialization import initialize
from twingrad.minibatches import draw_masks, minibatch_order
from twingrad.network import Network
from twingrad.stacks import initial_parameters, require_stackable, stack_inputs


def recipes(number=3, **changes):
    return [small_recipe(seed=seed, hidden=(5,), epochs=None, half_cycle=7, cycles=2, **changes)
            for seed in range(number)]  # fmt: skip


def inputs_of(stack, epoch=1, inputs=24):
    network = stack[0].network(inputs, 10)
    return stack_inputs(stack, network, epoch, [recipe.plan(500) for recipe in stack])


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("hidden", {"hidden": (3,)}),
        ("normalization", {"normalization": "layer"}),
        ("activation", {"activation": "leaky_relu"}),
        ("slope", {"slope": 0.2}),
        ("dropout", {"dropout": 0.2}),
        ("smoothing", {"smoothing": 0.2}),
        ("optimizer", {"optimizer": "adam"}),
        ("decoupled", {"decoupled": True}),
        ("batch_size", {"batch_size": 20}),
        ("flip", {"flip": True}),
        ("shift", {"shift": 1}),
        ("jitter", {"jitter": 0.1}),
        ("dtype", {"dtype": "float64"}),
        ("alpha", {"alpha": 0.5}),
        ("precise_statistics", {"precise_statistics": True}),
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
    with pytest.raises(UserError, match=rf"equal {field}, .*in number 3"):
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
        {"schedule": "cosine"},
        {"schedule": "step", "step_factor": 0.5},
        {"momentum": 0.5, "beta1": 0.8, "beta2": 0.99, "adam_eps": 1e-6},
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


def test_equal_order_seeds_share_the_minibatches():
    inputs = inputs_of(recipes(order_seed=4))
    assert inputs.shared
    np.testing.assert_array_equal(inputs.order, minibatch_order(4, 1, 500, 50))


def test_other_order_seeds_do_not():
    inputs = inputs_of(recipes())
    assert not inputs.shared
    expected = [minibatch_order(seed, 1, 500, 50) for seed in range(3)]
    np.testing.assert_array_equal(inputs.order, expected)


def test_every_network_gets_its_own_learning_rates():
    stack = [dataclasses.replace(r, eta_max=0.1 * (i + 1)) for i, r in enumerate(recipes())]
    stack[2] = dataclasses.replace(stack[2], schedule="constant")
    # 28 updates: the third epoch has 8
    expected = [recipe.plan(500).learning_rates[20:] for recipe in stack]
    np.testing.assert_array_equal(inputs_of(stack, epoch=2).learning_rates, expected)


def test_shared_masks_are_drawn_once():
    stack = [dataclasses.replace(r, seed=3) for r in recipes(dropout=0.4)]
    inputs = inputs_of(stack)
    expected = draw_masks(stack[0].network(24, 10), 3, 1, (10, 50))
    np.testing.assert_array_equal(inputs.masks["mask1"], expected["mask1"])
    assert inputs.masks["mask1"].shape == (10, 50, 5)


@pytest.mark.parametrize("drawn", [{"dropout": 0.4}, {"flip": True, "shift": 1, "jitter": 0.1}])
def test_networks_of_other_seeds_get_what_each_draws_alone(drawn):
    stack = recipes(order_seed=4, **drawn)  # even if their orders are equal
    inputs = inputs_of(stack)
    assert inputs.order.shape == (3, 10, 50)
    for i, recipe in enumerate(stack):
        one, alone = inputs.of(i), inputs_of([recipe])
        assert one.learning_rates.shape == (1, 10)
        np.testing.assert_array_equal(one.order, alone.order)
        np.testing.assert_equal(one.masks, alone.masks)
        assert (one.augmentation is None) == (alone.augmentation is None)
        if one.augmentation is not None:
            np.testing.assert_equal(vars(one.augmentation), vars(alone.augmentation))


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
