"""The defects of the published code: each against its definition, done by hand."""

import json
import pickle
import sys

import numpy as np
import pytest

import manual_impl
from reproduction.published.defects import (
    DEFECTS,
    Defects,
    PublishedRecipe,
    stale_rates,
    with_defects,
)
from sweeps import run_recipes
from sweeps.engine.data import form_of
from twingrad.cifar.loading import load_for
from twingrad.dataset import Dataset, Split
from twingrad.errors import UserError
from twingrad.initialization import initialize
from twingrad.recipe import Recipe
from twingrad.schedule import learning_rates
from twingrad.stacks import stack_key
from twingrad.streams import stream

HALF_CYCLE = 4
SAMPLES, BATCH = 60, 10


def small(*names, **changes):
    """2 cycles of 8 updates, in epochs of 6: cycles end within an epoch."""
    fields = {"hidden": (7,), "batch_size": BATCH, "half_cycle": HALF_CYCLE, "cycles": 2}
    fields |= {"penalty": 0.1, "eta_min": 0.01, "dtype": "float64", "seed": 3}
    return with_defects(Recipe(**fields | changes), Defects.of(names))


@pytest.fixture
def dataset():
    rng = np.random.default_rng(0)
    parts = [Split(rng.standard_normal((n, 12)), np.arange(n) % 10) for n in (SAMPLES, 20, 20)]
    return Dataset(*parts, 10, {"digest": "d", "name": "clouds"})


def costs_by_hand(dataset, normalization, *names):
    """The cost of every minibatch, by a loop that knows nothing of recipes."""
    network = small(normalization=normalization).network(dataset.training.X.shape[1], 10)
    parameters = initialize(network, "he", 3)
    costs, eta = [], None
    for t in range(1, 4 * HALF_CYCLE + 1):
        epoch, u = divmod(t - 1, SAMPLES // BATCH)
        order = stream(3, "order", epoch).permutation(SAMPLES)
        if "unshuffled" in names:
            order = np.arange(SAMPLES)
        rows = order[u * BATCH : (u + 1) * BATCH]
        position = t % (2 * HALF_CYCLE)
        if position or "stale_eta" not in names:
            height = min(position, 2 * HALF_CYCLE - position) / HALF_CYCLE
            eta = 0.01 + height * (0.1 - 0.01)
        X, y = dataset.training.X[rows], dataset.training.y[rows]
        trace = manual_impl.forward(network, parameters, X, y, penalty=0.1)
        found = manual_impl.backward(network, parameters, X, y, trace, penalty=0.1)
        if "unpenalised_first_layer" in names:
            found["W1"] = found["W1"] - 2 * 0.1 * parameters["W1"]
        costs.append(float(trace["cost"]))
        parameters = {name: value - eta * found[name] for name, value in parameters.items()}
    return costs


def costs_of(run):
    return [cost for epoch in run.history for cost in epoch.costs]


ALONE_AND_TOGETHER = [
    (),
    ("unpenalised_first_layer",),
    ("unshuffled",),
    ("stale_eta",),
    ("unpenalised_first_layer", "unshuffled", "stale_eta"),
]


@pytest.mark.parametrize("normalization", ["none", "batch"])
@pytest.mark.parametrize("names", ALONE_AND_TOGETHER, ids="+".join)
def test_a_training_with_a_defect_does_what_the_defect_says(
    implementation, dataset, names, normalization
):
    run = implementation.train(small(*names, normalization=normalization), dataset)
    # 16 updates in float64, of costs near 2 to 4
    np.testing.assert_allclose(
        costs_of(run), costs_by_hand(dataset, normalization, *names), rtol=0, atol=1e-11
    )


def test_each_defect_changes_the_costs(dataset):
    right = costs_by_hand(dataset, "none")
    for names in ALONE_AND_TOGETHER[1:]:
        wrong = costs_by_hand(dataset, "none", *names)
        assert np.abs(np.subtract(wrong, right)).max() > 1e-4, names


@pytest.mark.slow
def test_the_data_of_every_file_by_itself(copies, implementation):
    root, [(images, labels), *_] = copies
    fields = {"batches": 1, "train_size": SAMPLES, "normalization": "none"}
    recipe = small("per_file_standardization", **fields)
    mean, std = images.mean(axis=0), images.std(axis=0, ddof=1)  # of the file, not of 60 images
    std[np.ptp(images, axis=0) == 0] = 255
    training = Split((images[:SAMPLES] - mean) / std, labels[:SAMPLES])
    found = implementation.train(recipe, load_for(str(root), recipe))
    expected = costs_by_hand(Dataset(training, training, training, 10, {}), "none")
    # 16 updates of 3072 inputs: the standardised pixels are rounded differently, by 1e-12
    np.testing.assert_allclose(costs_of(found), expected, rtol=1e-9)
    plain = small(**fields)
    assert form_of(plain) != form_of(recipe)
    other = costs_of(implementation.train(plain, load_for(str(root), plain)))
    assert np.abs(np.subtract(other, expected)).max() > 1e-4


def test_a_stale_rate_is_that_of_the_update_before():
    rates = learning_rates("cyclical", 20, 4, 0.0, 1.0)
    stale = stale_rates(rates, 4)
    assert (np.flatnonzero(stale != rates) + 1).tolist() == [8, 16]
    assert (stale[[7, 15]].tolist(), rates[[7, 15]].tolist()) == ([0.25, 0.25], [0.0, 0.0])


MIXED = [
    small(*names, normalization=normalization, seed=seed)
    for normalization in ("none", "batch")
    for names in ALONE_AND_TOGETHER
    for seed in (3, 4)
]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_stacked_over_processes_and_read_back_they_are_the_same(
    dataset, tmp_path, monkeypatch, method
):
    if method == "spawn":
        monkeypatch.setitem(sys.modules, "jax", None)  # beside its threads nothing can be forked
    trained = {
        run.recipe: run
        for run in run_recipes(MIXED, dataset, processes=1, folder=tmp_path, curves=True)
    }
    assert set(trained) == set(MIXED)
    for recipe, run in trained.items():
        if recipe.seed == 3:
            names = recipe.defects.names if isinstance(recipe, PublishedRecipe) else ()
            expected = costs_by_hand(dataset, recipe.normalization, *names)
            np.testing.assert_allclose(costs_of(run), expected, rtol=0, atol=1e-11)
    monkeypatch.setattr("sweeps.engine.recipes.Local", None)
    read = list(run_recipes(MIXED, dataset, processes=1, folder=tmp_path, curves=True))
    assert {run.recipe: run.history for run in read} == {
        recipe: run.history for recipe, run in trained.items()
    }


def test_json_and_pickles_give_the_recipe_back():
    for recipe in (small(*DEFECTS), small("stale_eta"), small()):
        written = json.loads(json.dumps(recipe.as_json()))
        assert PublishedRecipe.from_json(written, "") == recipe
        assert pickle.loads(pickle.dumps(recipe)) == recipe
    assert small() == Recipe(**{**small().as_json(), "hidden": (7,)})


def test_a_recipe_whose_defects_were_fields_is_read():
    old = {"hidden": [7], "batch_norm": False, "unshuffled": True, "stale_eta": False}
    assert PublishedRecipe.from_json(old, "results.json") == with_defects(
        Recipe(hidden=(7,), normalization="none"), Defects(unshuffled=True)
    )


def test_unknown_defects_are_named():
    with pytest.raises(UserError, match=r"a\.json: unknown defects .*'uncooked'"):
        PublishedRecipe.from_json({"defects": ["uncooked"]}, "a.json")


def test_what_has_other_data_or_no_penalty_on_w1_is_stacked_apart():
    keys = {name: stack_key(small(name)) for name in DEFECTS}
    assert [name for name in DEFECTS if keys[name] != stack_key(small())] == [
        "unpenalised_first_layer",
        "per_file_standardization",
    ]
