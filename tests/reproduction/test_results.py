"""What is kept of a training, and what a file gives back."""

import math

import pytest

from reproduction.published.cells import Cell
from reproduction.published.defects import Defects, with_defects
from reproduction.results import Results, outcome_of
from twingrad.errors import UserError
from twingrad.history import Epoch, Evaluation
from twingrad.recipe import Recipe
from twingrad.training import Diverged, Run

RECIPE = with_defects(Recipe(hidden=(5,), seed=3), Defects(unshuffled=True))
HISTORY = [
    Epoch(1, 10, Evaluation(2.5, 2.0, 0.25), Evaluation(2.75, 2.25, 0.2), (0.1,), 1.0),
    Epoch(2, 20, Evaluation(1.5, 1.0, 0.5), Evaluation(1.75, 1.25, 0.4), (0.1,), 1.0),
]


def run():
    final = {
        "training": HISTORY[-1].training,
        "validation": HISTORY[-1].validation,
        "test": Evaluation(1.875, 1.375, 0.3456),
    }
    return Run(RECIPE, HISTORY, final, {}, {})


def test_curves_and_the_test_evaluation_are_kept():
    kept = outcome_of(run(), "manual")
    assert kept.curves["training"] == {
        "cost": (2.5, 1.5),
        "loss": (2.0, 1.0),
        "accuracy": (0.25, 0.5),
    }
    assert kept.curves["validation"]["cost"] == (2.75, 1.75)
    assert kept.test_accuracy == pytest.approx(34.56)
    ends = [kept.end(part, "cost") for part in ("training", "validation", "test")]
    assert ends == [1.5, 1.75, 1.875]


def test_one_that_diverged_has_no_end():
    kept = outcome_of(Diverged(RECIPE, 17, 0.05, math.inf, HISTORY[:1]), "torch")
    assert kept.diverged == "cost inf at update 17, eta 0.05"
    assert kept.curves["training"]["loss"] == (2.0,)
    assert (kept.test_accuracy, kept.end("training", "cost")) == (None, None)


def test_a_file_gives_all_back(tmp_path):
    gone = Recipe(hidden=(5,), seed=4)
    trainings = {
        (RECIPE, "manual"): outcome_of(run(), "manual"),
        (gone, "torch"): outcome_of(Diverged(gone, 17, 0.05, math.nan, []), "torch"),
    }
    cells = [
        Cell("table3", "He", "published", 3, "manual", RECIPE),
        Cell("table5", "He", "published", 3, "manual", RECIPE),
        Cell("table3", "He", "specified", 4, "torch", gone),
    ]
    results = Results(cells, trainings, {"backend": "manual", "seeds": 2})
    results.save(tmp_path / "results.json")
    assert Results.load(tmp_path / "results.json") == results


def test_the_file_does_not_depend_on_which_training_ended_first(tmp_path):
    gone = outcome_of(Diverged(Recipe(seed=4), 17, 0.05, math.nan, []), "manual")
    kept = outcome_of(run(), "manual")
    cells = [
        Cell("table3", "He", "published", trained.recipe.seed, "manual", trained.recipe)
        for trained in (kept, gone)
    ]
    for name, order in (("one", (kept, gone)), ("other", (gone, kept))):
        trainings = {(trained.recipe, "manual"): trained for trained in order}
        Results(cells, trainings, {}).save(tmp_path / name)
    assert (tmp_path / "one").read_text() == (tmp_path / "other").read_text()


def test_a_row_s_trainings_come_by_seed_and_of_the_main_backend():
    recipes = [Recipe(hidden=(5,), seed=seed) for seed in (2, 0)]
    trainings = {
        (recipe, backend): outcome_of(Run(recipe, HISTORY, run().final, {}, {}), backend)
        for recipe in recipes
        for backend in ("manual", "torch")
    }
    cells = [
        Cell("table3", "He", "specified", recipe.seed, backend, recipe)
        for recipe, backend in trainings
    ]
    results = Results(cells, trainings, {"backend": "torch"})
    found = results.of("table3", "He", "specified")
    assert [(one.recipe.seed, one.backend) for one in found] == [(0, "torch"), (2, "torch")]
    assert results.of("table3", "Xavier", "specified") == []


@pytest.mark.parametrize("content", ["", "{}", '{"runs": [{}], "cells": []}'])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(UserError, match=r"results\.json: holds no results of a reproduction"):
        Results.load(tmp_path / "results.json")
