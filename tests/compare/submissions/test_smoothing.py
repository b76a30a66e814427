"""Label smoothing, told by the cost or by the gradients."""

import pytest

from compare.grading.conventions import conventions_of
from compare.submissions import Request
from tests.compare.submissions.test_public_layouts import checked

TWO = Request(hidden=(5,), inputs=6, samples=7, penalty=0.1)

SMOOTHED = """
import numpy as np


def forward(X, W, b):
    s1 = W[0] @ X + b[0]
    h = np.maximum(s1, 0)
    e = np.exp(W[1] @ h + b[1])
    return e / e.sum(axis=0), s1, h


def smoothed(Y):
    return 0.9 * Y + 0.1 / Y.shape[0]


def compute_cost(X, Y, W, b, lam):
    p, _, _ = forward(X, W, b)
    t = smoothed(Y)
    return -(t * np.log(p)).sum() / X.shape[1] + lam * sum((w**2).sum() for w in W)


def compute_gradients(X, Y, W, b, lam):
    p, s1, h = forward(X, W, b)
    t = smoothed(Y)
    G = (p - t) / X.shape[1]
    W2, b2 = G @ h.T + 2 * lam * W[1], G.sum(axis=1, keepdims=True)
    G = W[1].T @ G * (s1 > 0)
    return [G @ X.T + 2 * lam * W[0], W2], [G.sum(axis=1, keepdims=True), b2]
"""
COST = "-(t * np.log(p)).sum()"
NO_COST = ("compute_cost(X, Y, W, b, lam)", "helper()")


def wrong(result):
    """The tensors that differ in any case."""
    return {t.name for case in result.cases for t in case.tensors if t.verdict == "disagree"}


@pytest.mark.parametrize("share", [0.1, 0.2, 0.07])
def test_a_share_is_told_by_the_cost(tmp_path, share):
    change = ("0.9 * Y + 0.1 /", f"{1 - share:.2f} * Y + {share} /")
    result = checked(tmp_path, SMOOTHED, change, request=TWO)
    assert (result.verdict, result.findings) == ("agree", ())
    assert result.assumed["label smoothing"] == f"{share}, as the cost shows"
    assert result.quantities["value of cost"] == 4
    assert conventions_of(result) == ("label smoothing",)


def test_without_a_cost_the_gradients_tell_it(tmp_path):
    result = checked(tmp_path, SMOOTHED, NO_COST, request=TWO)
    assert (result.verdict, result.findings) == ("agree", ())
    assert result.assumed["label smoothing"] == "0.1, as the gradients show"
    assert result.quantities["gradient of W"] == 16


def test_gradients_without_the_smoothing_of_the_cost_are_wrong(tmp_path):
    result = checked(tmp_path, SMOOTHED, ("G = (p - t)", "G = (p - Y)"), request=TWO)
    assert result.verdict == "disagree"
    assert result.assumed["label smoothing"] == "0.1, as the cost shows"
    assert wrong(result) == {"W1", "b1", "W2", "b2"}
    assert [m.candidate.name for m in result.explained] == [
        "smoothing left out in the gradient, layer 2"
    ]


def test_gradients_of_smoothed_labels_are_wrong_if_the_cost_has_none(tmp_path):
    result = checked(tmp_path, SMOOTHED, (COST, "-(Y * np.log(p)).sum()"), request=TWO)
    assert result.verdict == "disagree"
    assert "label smoothing" not in result.assumed
    assert wrong(result) == {"W1", "b1", "W2", "b2"}


def test_no_smoothing_is_assumed_if_both_have_none(tmp_path):
    result = checked(tmp_path, SMOOTHED, ("0.9 * Y + 0.1 / Y.shape[0]", "Y"), request=TWO)
    assert result.verdict == "agree"
    assert "label smoothing" not in result.assumed
