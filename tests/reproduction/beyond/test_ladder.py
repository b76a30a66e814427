"""The ladder as data."""

import pytest

from reproduction.beyond.ladder import ALONE, LADDER, rungs_of, shortened
from reproduction.beyond.rung import START, Setting
from twingrad.errors import UserError
from twingrad.recipe import Recipe


def test_every_rung_is_compared_with_one_before_it():
    keys = [rung.key for rung in LADDER]
    assert len(set(keys)) == len(keys) >= 14
    for i, rung in enumerate(LADDER):
        assert rung.against in (keys[:i] if i else [""])


def test_the_start_is_the_best_network_of_the_report():
    from reproduction.published.cells import recipe_of_row
    from reproduction.published.report import BEST

    published = recipe_of_row(BEST, BEST.rows[0], "specified", 3)
    assert LADDER[0].settings[0].recipe(3) == Recipe(**{**published.as_json(), "seed": 3})


def test_settings_that_differ_in_the_evaluation_share_their_trainings():
    assert Setting("", {}, "snapshots", flips=True).training == Setting("", {}).training == "start"
    assert Setting("", {"flip": True, "shift": 3}).training == "flip=True,shift=3"


def test_wide_networks_have_fewer_seeds():
    assert Setting("", {"hidden": (400, 50)}).seeds == 5
    assert Setting("", {"hidden": (401, 50)}).seeds == 3


def test_alone_changes_one_thing_and_the_start_has_20_epochs():
    assert START["cycles"] == 2
    for rung in ALONE:
        for setting in rung.settings:
            epochs = 60 if rung.key == "longer" else 20
            assert setting.recipe(0).plan(45_000).epochs == epochs


def test_shortened_trainings_have_names_of_their_own():
    (start,) = rungs_of("start", shortened(LADDER))
    assert start.trainings == ["epochs=2"]


def test_an_unknown_rung_is_refused_with_those_there_are():
    with pytest.raises(UserError, match="--row is 'flip', but there are only: start, flips"):
        rungs_of("flip", LADDER)
