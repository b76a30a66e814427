import dataclasses
import json
import math

import numpy as np
import pytest

from twingrad.dataset import Dataset, Split
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
        ("normalization", {"normalization": "group"}),
        ("--activation", {"activation": "swish"}),
        ("--slope", {"slope": math.nan}),
        ("--slope", {"slope": math.inf}),
        ("--dropout", {"dropout": 1.0}),
        ("--dropout", {"dropout": -0.1}),
        ("--dropout", {"dropout": math.nan}),
        ("--smoothing", {"smoothing": 1.0}),
        ("--optimizer", {"optimizer": "lion"}),
        ("--momentum", {"momentum": 1.0}),
        ("--momentum", {"momentum": -0.1}),
        ("--beta1", {"beta1": 1.0}),
        ("--beta2", {"beta2": 1.0}),
        ("--beta2", {"beta2": math.nan}),
        ("--adam-eps", {"adam_eps": -1e-8}),
        ("--schedule", {"schedule": "linear"}),
        ("--step-factor", {"step_factor": 1.5}),
        ("--shift", {"shift": -1}),
        ("--jitter", {"jitter": -0.1}),
        ("--jitter", {"jitter": math.inf}),
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


@pytest.mark.parametrize("normalization", ["batch", "batch-after"])
def test_batch_norm_needs_two_samples(normalization):
    with pytest.raises(UserError, match="batch norm needs at least 2 samples"):
        Recipe(batch_size=1, normalization=normalization)


@pytest.mark.parametrize("normalization", ["none", "layer"])
def test_a_minibatch_of_one_is_fine_without_batch_norm(normalization):
    assert Recipe(batch_size=1, normalization=normalization).batch_size == 1


def test_layer_norm_needs_two_units():
    with pytest.raises(UserError, match="a hidden size is 1, but layer norm needs at least 2"):
        Recipe(hidden=(5, 1), normalization="layer")


@pytest.mark.parametrize(("eta_min", "eta_max"), [(0.0, 0.1), (0.1, 0.1)])
def test_a_range_test_needs_a_range(eta_min, eta_max):
    with pytest.raises(UserError, match="expected 0 < eta-min < eta-max"):
        Recipe(schedule="range", eta_min=eta_min, eta_max=eta_max)


def test_every_field_says_what_it_is():
    for field in dataclasses.fields(Recipe):
        assert field.metadata["help"], field.name
        if field.metadata["only_with"] is not None:
            other, values = field.metadata["only_with"]
            assert set(values) < set(Recipe.__dataclass_fields__[other].metadata["choices"])


def images(inputs=48, samples=200):
    part = Split(np.zeros((samples, inputs), np.float32), np.zeros(samples, int))
    return Dataset(part, part, part, 10, {})


@pytest.mark.parametrize("augmentation", [{"flip": True}, {"shift": 3}, {"jitter": 0.1}])
def test_images_can_be_varied(augmentation):
    recipe = Recipe(**augmentation, epochs=1)
    assert recipe.augments
    assert len(recipe.plan_for(images()).learning_rates) == 2


@pytest.mark.parametrize("augmentation", [{"flip": True}, {"shift": 1}, {"jitter": 0.1}])
def test_samples_that_are_no_images_cannot(augmentation):
    with pytest.raises(UserError, match="samples have 24 values"):
        Recipe(**augmentation).plan_for(images(24))


def test_a_shift_of_all_pixels_is_refused():
    with pytest.raises(UserError, match="--shift is 4, but images of 4 x 4 allow at most 3"):
        Recipe(shift=4).plan_for(images())


def test_other_recipes_take_any_samples():
    assert not Recipe().augments
    assert Recipe(epochs=1).plan_for(images(24)).updates_per_epoch == 2


@pytest.mark.parametrize(
    ("changes", "shared"),
    [
        ({"penalty": 0.1, "eta_max": 0.3, "momentum": 0.5}, True),
        ({"seed": 1}, False),
        ({"order_seed": 1}, False),
        ({"seed": 1, "order_seed": 0}, True),
    ],
)
def test_which_recipes_share_their_minibatches(changes, shared):
    assert (Recipe(**changes).draws == Recipe().draws) is shared


@pytest.mark.parametrize("drawn", [{"dropout": 0.5}, {"shift": 1}])
def test_dropout_and_augmentation_are_drawn_from_the_seed_too(drawn):
    one, other = (Recipe(seed=seed, order_seed=0, **drawn) for seed in (0, 1))
    assert one.draws != other.draws


def test_what_an_epoch_draws():
    recipe = Recipe(hidden=(6,), dropout=0.5, flip=True, half_cycle=3, cycles=1, batch_size=10)
    network, plan = recipe.network(48, 10), recipe.plan(40)
    first, last = (recipe.inputs(network, epoch, plan) for epoch in (0, 1))
    for inputs, updates in [(first, 4), (last, 2)]:  # 6 updates, 4 to an epoch
        assert inputs.order.shape == (updates, 10)
        assert inputs.learning_rates.shape == (1, updates)
        assert inputs.masks["mask1"].shape == (updates, 10, 6)
        assert inputs.augmentation.flip.shape == (updates, 10)
    rates = [*first.learning_rates[0], *last.learning_rates[0]]
    assert rates == plan.learning_rates.tolist()


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
        hidden=(7, 6),
        normalization="batch-after",
        activation="leaky_relu",
        optimizer="adam",
        initialization="0.01",
        half_cycle=9,
        flip=True,
        seed=4,
        order_seed=6,
        train_size=1000,
    )
    assert Recipe.from_json(json.loads(json.dumps(recipe.as_json())), "here") == recipe


def test_numpy_s_numbers_are_numbers():
    assert Recipe(cycles=np.int64(3), penalty=np.float32(0.5), eta_max=1).cycles == 3


def test_an_unknown_field_is_named_with_its_file():
    with pytest.raises(UserError, match=r"runs/a/recipe\.json: unknown recipe field 'decay'"):
        Recipe.from_json({"decay": 0.9}, "runs/a/recipe.json")


@pytest.mark.parametrize(
    "fields",
    [
        {"hidden": "50"},
        {"hidden": 50},
        {"hidden": ["50"]},
        {"cycles": "two"},
        {"cycles": 2.5},
        {"cycles": True},
        {"epochs": "3"},
        {"penalty": "0.1"},
        {"penalty": None},
        {"flip": "yes"},
        {"flip": 1},
        {"optimizer": 3},
        {"optimizer": None},
    ],
)
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


DEFECTS = ("unpenalised_first_layer", "unshuffled", "per_file_standardization", "stale_eta")


def first_recipe(batch_norm=True, **defects):
    """A recipe.json as the first commits wrote it."""
    fields = {"name": "three-layer", "hidden": [50, 50], "batch_norm": batch_norm, "seed": 3}
    return fields | dict.fromkeys(DEFECTS, False) | defects


@pytest.mark.parametrize(("batch_norm", "normalization"), [(True, "batch"), (False, "none")])
def test_a_first_recipe_had_batch_norm_or_none(batch_norm, normalization):
    expected = Recipe(name="three-layer", normalization=normalization, seed=3)
    assert Recipe.from_json(first_recipe(batch_norm), "here") == expected


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_first_recipe_with_a_defect_is_refused(defect):
    with pytest.raises(UserError, match=f"runs/a: has the defect '{defect}'.*reproduce"):
        Recipe.from_json(first_recipe(**{defect: True}), "runs/a")
