import json
import math

import pytest

from twingrad.errors import UserError
from twingrad.recipe import PRESETS, Recipe, preset


@pytest.mark.parametrize(
    ("option", "fields"),
    [
        ("hidden size", {"hidden": (50, 0)}),
        ("hidden size", {"hidden": (-1,)}),
        ("initialization", {"initialization": "kaiming"}),
        ("initialization", {"initialization": "0"}),
        ("initialization", {"initialization": "nan"}),
        ("--penalty", {"penalty": -0.1}),
        ("--penalty", {"penalty": math.nan}),
        ("--penalty", {"penalty": math.inf}),
        ("--eta-min", {"eta_min": -1e-5}),
        ("--eta-min", {"eta_min": math.nan}),
        ("--eta-max", {"eta_max": 1e-6}),
        ("--eta-max", {"eta_max": math.inf}),
        ("--eta-max", {"eta_max": math.nan}),
        ("--half-cycle", {"half_cycle": 0}),
        ("--cycles", {"cycles": 0}),
        ("--epochs", {"epochs": 0}),
        ("--batch-size", {"batch_size": 0}),
        ("--batch-size", {"batch_size": 1}),
        ("--alpha", {"alpha": -0.1}),
        ("--alpha", {"alpha": 1.1}),
        ("--alpha", {"alpha": math.nan}),
        ("--dtype", {"dtype": "float16"}),
        ("--seed", {"seed": -1}),
        ("--order-seed", {"order_seed": -1}),
        ("--batches", {"batches": 0}),
        ("--batches", {"batches": 6}),
        ("--train-size", {"train_size": 0}),
    ],
)
def test_a_bad_value_is_refused_by_its_name(option, fields):
    with pytest.raises(UserError, match=option) as refused:
        Recipe(**fields)
    value = next(iter(fields.values()))
    shown = next(str(part) for part in (value if isinstance(value, tuple) else (value,))[-1:])
    assert shown in str(refused.value)


def test_a_minibatch_of_one_is_fine_without_batch_norm():
    assert Recipe(batch_size=1, batch_norm=False).batch_size == 1


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_the_reports_20_epochs(name):
    plan = preset(name).plan(45_000)
    assert (len(plan.learning_rates), plan.half_cycle, plan.epochs) == (9000, 2250, 20)


def test_presets_are_the_reports_baselines():
    assert preset("three-layer").hidden == (50, 50)
    assert preset("nine-layer").hidden == (50, 30, 20, 20, 10, 10, 10, 10)
    for recipe in PRESETS.values():
        numbers = (recipe.penalty, recipe.eta_min, recipe.eta_max, recipe.batch_size)
        assert numbers == (0.005, 1e-5, 1e-1, 100)
        assert recipe.batch_norm


def test_an_unknown_preset_is_told_which_there_are():
    with pytest.raises(UserError, match=r"'ten-layer'.*three-layer, nine-layer"):
        preset("ten-layer")


@pytest.mark.parametrize("epochs", [3, 25])
def test_epochs_take_the_place_of_cycles_on_the_same_schedule(epochs):
    plan, whole = (Recipe(epochs=number).plan(45_000) for number in (epochs, None))
    assert (len(plan.learning_rates), plan.epochs, plan.half_cycle) == (450 * epochs, epochs, 2250)
    common = min(epochs * 450, 9000)
    assert plan.learning_rates[:common].tolist() == whole.learning_rates[:common].tolist()


def test_a_cycle_may_end_within_an_epoch():
    plan = Recipe(half_cycle=7, cycles=1, batch_size=100).plan(500)
    assert (plan.updates_per_epoch, len(plan.learning_rates), plan.epochs) == (5, 14, 3)


def test_fewer_samples_than_a_minibatch():
    with pytest.raises(UserError, match=r"--batch-size is 100.*99 training samples"):
        Recipe().plan(99)


def test_json_gives_the_same_recipe_back():
    recipe = Recipe(
        hidden=(7, 6), initialization="0.01", half_cycle=9, seed=4, order_seed=6, train_size=1000
    )
    assert Recipe.from_json(json.loads(json.dumps(recipe.as_json())), "here") == recipe


def test_an_unknown_field_is_named_with_its_file():
    with pytest.raises(UserError, match=r"runs/a/recipe\.json: unknown recipe field 'momentum'"):
        Recipe.from_json({"momentum": 0.9}, "runs/a/recipe.json")


@pytest.mark.parametrize("fields", [{"hidden": "50"}, {"hidden": 50}, {"cycles": "two"}])
def test_a_field_of_the_wrong_type_names_its_file(fields):
    with pytest.raises(UserError, match=r"runs/a/recipe\.json: .*type"):
        Recipe.from_json(fields, "runs/a/recipe.json")


@pytest.mark.parametrize(("order_seed", "expected"), [(None, 3), (0, 0), (7, 7)])
def test_the_order_has_a_seed_of_its_own_if_given(order_seed, expected):
    assert Recipe(seed=3, order_seed=order_seed).shuffle_seed == expected


def test_a_recipe_from_before_order_seed_takes_its_seed():
    fields = Recipe(seed=3).as_json()
    del fields["order_seed"]
    assert Recipe.from_json(fields, "here") == Recipe(seed=3)
