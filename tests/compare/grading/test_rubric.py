"""What a rubric may hold, and the points it gives."""

from types import SimpleNamespace

import pytest

from compare.grading.conventions import conventions_of
from compare.grading.imports import Used
from compare.grading.judged import Compared, Judged, from_json
from compare.grading.points import grade
from compare.grading.rubric import OTHER_NETWORKS, Rubric, read_rubric
from tests.support import ROOT
from twingrad.errors import UserError

TEXT = """
title = "Assignment 3"
conventions = ["eps"]
forbidden = ["torch"]

[[quantity]]
name = "gradients"
points = 6
tensors = ["W", "b"]
networks = "without batch norm"

[[quantity]]
name = "batch norm"
points = 3.5
tensors = ["W", "gamma"]
networks = "with batch norm"

[[quantity]]
name = "cost"
points = 1
tensors = ["cost"]
"""

PLAIN = Compared(
    "plain", "without batch norm", "", {"W1": True, "W2": True, "b1": True, "forward cost": True}
)
NORM = Compared("norm", "with batch norm", "", {"W1": True, "gamma1": True, "forward cost": True})


@pytest.fixture
def rubric(tmp_path):
    path = tmp_path / "rubric.toml"

    def read(text):
        path.write_text(text)
        return read_rubric(path)

    return read


def judged(*compared, outcome="right", **more):
    return Judged("anna", "anna.py", outcome, compared=compared, **more)


def points(found, rubric):
    return [one.points for one in grade(found, rubric).earned]


def test_everything_right_earns_everything(rubric):
    read = rubric(TEXT)
    assert read.total == 10.5
    assert points(judged(PLAIN, NORM), read) == [6, 3.5, 1]


def test_a_wrong_tensor_costs_the_quantities_it_is_in(rubric):
    wrong = Compared("norm", "with batch norm", "", NORM.agrees | {"W1": False})
    graded = grade(judged(PLAIN, wrong, outcome="wrong"), rubric(TEXT))
    assert [one.points for one in graded.earned] == [6, 0, 1]
    assert graded.earned[1].why == "the gradient of W1 differs in the case norm"


def test_what_was_not_compared_earns_nothing(rubric):
    graded = grade(judged(PLAIN), rubric(TEXT))
    assert [one.points for one in graded.earned] == [6, 0, 1]
    assert graded.earned[1].why == "not checked: nothing was compared"
    bare = Compared("plain", "without batch norm", "", {"W1": True})
    assert grade(judged(bare), rubric(TEXT)).earned[0].why == "not checked: no b was returned"


def test_a_gradient_that_is_missing_in_one_layer_costs_its_quantity(rubric):
    lacking = Compared("plain", "without batch norm", "", PLAIN.agrees, missing=("W3",))
    graded = grade(judged(lacking, NORM), rubric(TEXT))
    assert [one.points for one in graded.earned] == [0, 3.5, 1]
    assert "the gradient of W3 was not returned" in graded.earned[0].why


def test_calls_that_differ_cost_everything(rubric):
    spoiled = judged(PLAIN, NORM, outcome="wrong", spoiled="two calls differ")
    graded = grade(spoiled, rubric(TEXT))
    assert (graded.points, graded.earned[0].why) == (0, "two calls differ")


def test_one_layer_alone_can_be_asked_for(rubric):
    read = rubric('[[quantity]]\nname="first"\npoints=2\ntensors=["W1"]')
    wrong = Compared("plain", "without batch norm", "", PLAIN.agrees | {"W2": False})
    assert points(judged(wrong, outcome="wrong"), read) == [2]


def test_everything_in_one_kind_of_network_can_be_asked_for(rubric):
    text = '[[quantity]]\nname="norm"\npoints=2\nnetworks="with batch norm"'
    wrong = Compared("plain", "without batch norm", "", PLAIN.agrees | {"W2": False})
    assert points(judged(wrong, NORM, outcome="wrong"), rubric(text)) == [2]
    worse = Compared("norm", "with batch norm", "", {"gamma1": False})
    assert points(judged(wrong, worse, outcome="wrong"), rubric(text)) == [0]


def test_single_layers_are_chosen_by_name(rubric):
    read = rubric('[[quantity]]\nname="affine"\npoints=2\nlayers=["affine_backward"]')
    right = Compared("affine_backward (affine)", "", "affine_backward", {"dx": True})
    wrong = Compared("relu_backward (ReLU)", "", "relu_backward", {"dx": False})
    assert points(judged(right, wrong, outcome="wrong"), read) == [2]
    assert points(judged(wrong, outcome="wrong"), read) == [0]


def test_a_convention_that_is_not_allowed_costs_what_it_changes(rubric):
    half = judged(PLAIN, NORM, conventions=("half penalty",))
    assert points(half, rubric(TEXT)) == [0, 0, 0]
    only_b = '[[quantity]]\nname="b"\npoints=1\ntensors=["b"]\n'
    assert points(half, rubric("conventions = []\n" + only_b)) == [1]
    assert points(judged(PLAIN, NORM, conventions=("eps",)), rubric(TEXT)) == [6, 3.5, 1]


def test_another_network_earns_points_only_where_the_rubric_names_it(rubric):
    everything = '[[quantity]]\nname = "all"\npoints = 1'
    for convention in OTHER_NETWORKS:
        found = judged(PLAIN, NORM, conventions=(convention,))
        assert points(found, rubric(everything)) == [0]
        assert points(found, rubric(f'conventions = ["{convention}"]\n{everything}')) == [1]


def test_a_forbidden_import_costs_everything(rubric):
    graded = grade(judged(PLAIN, NORM, used=Used(loaded=("torch",))), rubric(TEXT))
    assert graded.points == 0
    assert graded.earned[0].why == "it uses torch, which the rubric forbids"
    assert points(judged(PLAIN, NORM, used=Used(written=("jax",))), rubric(TEXT)) == [6, 3.5, 1]


def test_without_a_rubric_everything_must_agree():
    read = read_rubric(None)
    assert read == Rubric()
    assert points(judged(PLAIN, NORM), read) == [1]
    failed = judged(PLAIN, outcome="wrong", reason="NaN in W1")
    assert grade(failed, read).earned[0].why == "NaN in W1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("points = 3", "'points' is not known"),
        ("title = 3", "no [[quantity]]"),
        ("quantity = 3", "no [[quantity]]"),
        ("[[quantity]]\npoints=1", "has no name"),
        ('[[quantity]]\nname="a"', "points is None"),
        ('[[quantity]]\nname="a"\npoints=-1', "points is -1"),
        ('[[quantity]]\nname="a"\npoints=true', "points is True"),
        ('[[quantity]]\nname="a"\npoints=nan', "points is nan"),
        ('[[quantity]]\nname="a"\npoints=1\ntensors=["V"]', "'V' is not known"),
        ('[[quantity]]\nname="a"\npoints=1\ntensors="W"', "expected a list of texts"),
        ('[[quantity]]\nname="a"\npoints=1\ntensors=["W"]\nlayers=["f"]', "not both"),
        ('[[quantity]]\nname="a"\npoints=1\nnetworks="some"', "networks is 'some'"),
        ('[[quantity]]\nname="a"\npoints=1\nweight=1', "'weight' is not known"),
        ('[[quantity]]\nname="a"\npoints=0', "0 points"),
        ('[[quantity]]\nname="a"\npoints=1\n[[quantity]]\nname="a"\npoints=1', "named 'a'"),
        ('conventions=["mean"]\n[[quantity]]\nname="a"\npoints=1', "'mean' is not known"),
        ("[[", "no TOML"),
    ],
)
def test_a_wrong_rubric_is_named(rubric, text, said):
    with pytest.raises(UserError) as error:
        rubric(text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_rubric_is_named(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_rubric(tmp_path / "none.toml")


def test_what_was_found_survives_json():
    import json

    found = judged(PLAIN, NORM, conventions=("eps",), used=Used(ours=("a",)), seconds=1.5)
    assert from_json(json.loads(json.dumps(found.as_json()))) == found


def test_the_rubric_of_the_docs_is_one(rubric):
    text = (ROOT / "docs/grading.md").read_text().partition("```toml\n")[2].partition("```")[0]
    read = rubric(text)
    assert (read.total, len(read.quantities), read.forbidden) == (10, 3, ("torch", "jax"))


@pytest.mark.parametrize(
    ("said", "convention"),
    [
        ("leaky ReLU, slope 0.1, as the probabilities show", "leaky ReLU"),
        ("tanh, as the probabilities show", "other activation"),
    ],
)
def test_the_activation_is_a_convention_by_its_kind(said, convention):
    result = SimpleNamespace(assumed={"activation": said})
    assert conventions_of(result) == (convention,)


def test_sigmoid_outputs_are_a_convention():
    result = SimpleNamespace(assumed={"loss": "squared error of sigmoids, (p - Y)^2"})
    assert conventions_of(result) == ("sigmoid outputs",)
