"""Files as students write them, each in one of the layouts, all correct."""

import shutil
from functools import cache

import numpy as np
import pytest

from compare.submissions import Request, run_code
from tests.compare.submissions.support import DOCS, assert_agrees, reference, student
from twingrad.network import EPS

FILES = {
    "dd2424_plain": ("dd2424", "full", None),
    "dd2424_bn": ("dd2424", "full", None),
    "dd2424_flat_dict": ("dd2424", "full", None),
    "dd2424_tuple_labels": ("dd2424", "full", None),
    "dd2424_two_layers": ("dd2424", "full", None),
    "dd2424_one_layer": ("dd2424", "full", None),
    "dd2424_fp_data": ("dd2424", "full", None),
    "torch_parameters": ("torch module", "full", None),
    "cs231n_two_layer": ("cs231n", "half", None),
    "course/classifiers/fc_net": ("cs231n", "half", 1e-5),
    "torch_sequential": ("torch module", "full", 1e-5),
    "torch_custom": ("torch module", "full", 1e-6),
    "torch_function": ("torch function", "full", None),
}
"""Name -> layout, penalty's form, eps."""


@cache
def submission(name):
    """One child a file."""
    return run_code(student(name), None, Request())


@pytest.mark.parametrize("name", FILES)
def test_a_correct_file_agrees_in_every_case_and_nothing_fails(name):
    layout, form, eps = FILES[name]
    result = submission(name)
    assert result.layout == layout
    assert result.penalty_forms[0] == form
    assert not any(finding.fails for finding in result.findings)
    assert len(result.answers) >= 3
    for answer in result.answers:
        assert set(answer.spec.case().parameters) <= set(answer.gradients)
        assert_agrees(answer, form, eps)
    if eps is not None:
        assert result.eps_forms[0] == eps


@pytest.mark.parametrize("name", ["dd2424_bn", "course/classifiers/fc_net", "torch_sequential"])
def test_both_modes_are_tried_where_the_code_has_both(name):
    assert [a.spec.batch_norm for a in submission(name).answers] == [False] * 4 + [True] * 4


def test_a_code_of_two_layers_is_given_two_layers():
    result = submission("dd2424_two_layers")
    assert {len(answer.spec.hidden) for answer in result.answers} == {1}
    assert result.assumed["layers"].startswith("2 only; with 3: ValueError")


def test_sizes_of_a_torch_module_that_takes_none_are_its_own():
    assert {a.spec.network.widths for a in submission("torch_custom").answers} == {(17, 6, 5, 10)}


def test_what_was_assumed_is_said_with_lines():
    assumed = submission("dd2424_tuple_labels").assumed
    assert assumed["backward"] == "compute_gradients, line 24"
    assert assumed["samples"] == "in columns, X (d, n)"
    assert assumed["biases"] == "b (m,)"
    assert assumed["labels"] == "classes from 0, y (n,)"
    assert submission("dd2424_tuple_labels").lines["compute_loss"] == 17


def test_intermediates_come_in_rows_under_our_names():
    answer = submission("dd2424_bn").answers[4]
    names = {"s1", "mu1", "v1", "s_hat1", "x1", "s2", "x2", "p", "cost"}
    assert names <= set(answer.forward)
    assert answer.forward["s1"].shape == (12, 9)
    torch_names = {"s1", "s_tilde1", "x1", "s3"}
    assert torch_names <= set(submission("torch_sequential").answers[4].gradients)


def test_cost_and_loss_are_told_apart():
    for name in ("dd2424_plain", "dd2424_tuple_labels"):
        forward = submission(name).answers[0].forward
        assert forward["cost"] > forward["loss"]


def test_the_request_decides():
    asked = Request(hidden=(5,), batch_norm=True, inputs=7, samples=6, penalty=0.3, seed=4)
    answers = run_code(student("dd2424_bn"), None, asked).answers
    specs = [a.spec for a in answers]
    assert [(s.network.widths, s.samples, s.batch_norm) for s in specs] == [
        ((7, 5, 10), 6, True)
    ] * 2
    assert [s.penalty for s in specs] == [0.3, 0.0]
    assert_agrees(answers[0])


def test_float32_is_handed_over_and_stays():
    answer = run_code(student("dd2424_plain"), None, Request(dtype="float32")).answers[0]
    gradients, _ = reference(answer)
    assert answer.gradients["W1"].dtype == np.float32
    # float32 has 1.2e-7, and these sums have a dozen terms
    np.testing.assert_allclose(answer.gradients["W1"], gradients["W1"], atol=1e-5)


def test_at_the_kink_the_first_unit_of_every_relu_gets_zero():
    answer = submission("dd2424_bn").answers[7]
    assert answer.spec.at_kink
    _, trace = reference(answer)
    assert (trace["s_tilde1"][:, 0] == 0).all()
    assert (trace["s_tilde2"][:, 0] == 0).all()


NO_COMPILER = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler cc")


@pytest.mark.parametrize("name", ["list_of_matrices", pytest.param("c_code", marks=NO_COMPILER)])
def test_the_adapters_in_the_docs_agree(name):
    result = run_code(DOCS / f"{name}.py", None, Request())
    assert result.layout == "contract"
    assert result.findings == ()
    assert len(result.answers) == 4
    assert result.assumed["penalty"] == "lambda * sum ||W||^2, gradient 2 lambda W"
    assert not result.answers[0].spec.batch_norm
    assert result.answers[0].spec.eps == EPS
    for answer in result.answers:
        assert_agrees(answer)


def test_a_bias_that_a_batch_norm_makes_needless_may_be_missing():
    result = submission("torch_instance")
    assert result.findings == ()
    for answer in result.answers:
        assert {"W1", "gamma1", "beta1", "W2", "b2"} <= set(answer.gradients)
        assert "b1" not in answer.gradients
        assert "s1" not in answer.forward
        assert_agrees(answer, eps=1e-5)
