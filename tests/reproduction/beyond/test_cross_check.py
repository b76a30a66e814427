"""The check before a training sees a wrong gradient and a wrong update."""

import pytest

from reproduction.beyond.cross_check import check_recipe
from reproduction.beyond.ladder import LADDER
from reproduction.beyond.rung import Setting
from tests.reproduction.beyond.conftest import TINY

MOVING = Setting("", {**TINY, "flip": True, "shift": 1, "dropout": 0.2}).recipe(0)


def test_a_right_recipe_agrees(images):
    found = check_recipe(MOVING, images)
    assert found["verdict"] == "agree"
    assert found["gradients apart"] < 1e-10
    assert 0 < found["updates apart"] < 1e-10


@pytest.mark.slow
def test_a_wrong_gradient_is_seen(images, monkeypatch):
    from manual_impl import layers

    right = layers.Dropout.backward

    def wrong(self, run, G):
        return 1.001 * right(self, run, G)

    monkeypatch.setattr(layers.Dropout, "backward", wrong)
    assert check_recipe(MOVING, images)["verdict"] == "disagree"


def test_a_wrong_augmentation_is_seen_in_the_updates(images, monkeypatch):
    monkeypatch.setattr("manual_impl.training.augment", lambda X, augmentation, update: X)
    found = check_recipe(MOVING, images)
    assert found["verdict"] == "disagree"
    assert found["updates apart"] > 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("rung", LADDER, ids=[rung.key for rung in LADDER])
def test_every_kind_of_recipe_in_the_ladder_agrees_when_it_is_small(rung):
    from tests.scripts.conftest import clouds

    small = {"hidden": (7, 5), "batch_size": 100}
    for setting in rung.settings:
        recipe = Setting("", {**setting.fields, **small}).recipe(0)
        assert check_recipe(recipe, clouds(48))["verdict"] == "agree"
