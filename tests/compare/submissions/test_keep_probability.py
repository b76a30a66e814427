"""Dropout whose rate is the share that is kept, outputs that are NaN, and what a cost is given."""

import numpy as np
import pytest

from compare.submissions import run_code
from compare.submissions.asking.collect import Taken
from compare.submissions.asking.objects import accumulation
from compare.submissions.layouts.layout import Raw, is_alive
from compare.submissions.matching import equal, same
from tests.compare.submissions.test_public_layouts import DROPOUT_NET, TWO, checked
from twingrad.errors import UserError

KEEP = """
import numpy as np


class Net:
    def __init__(self, n_in, n_hidden, n_out, dropout_rate=0.5):
        self.params = {
            "W1": np.random.randn(n_in, n_hidden), "b1": np.zeros(n_hidden),
            "W2": np.random.randn(n_hidden, n_out), "b2": np.zeros(n_out),
        }
        self.dropout_rate = dropout_rate

    def dropout(self, x, p):
        self.mask = (np.random.rand(*x.shape) < p) / p
        return x * self.mask

    def forward(self, x):
        h = np.maximum(x @ self.params["W1"] + self.params["b1"], 0)
        h = self.dropout(h, self.dropout_rate)
        s = h @ self.params["W2"] + self.params["b2"]
        e = np.exp(s - s.max(axis=1, keepdims=True))
        out = e / e.sum(axis=1, keepdims=True)
        cache = (x, h)
        return out, cache

    def compute_loss(self, probs, y_true):
        return -np.log(probs[range(len(y_true)), y_true]).mean()

    def backward(self, probs, y_true, cache):
        x, h = cache
        d = (probs - np.eye(probs.shape[1])[y_true]) / len(x)
        grads = {"W2": h.T @ d, "b2": d.sum(axis=0)}
        d = (d @ self.params["W2"].T) * self.mask * (h > 0)
        return grads | {"W1": x.T @ d, "b1": d.sum(axis=0)}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [[], [("< p) / p", "< p)")], [("self.mask =", "p = 1 / (1 / p)\n        self.mask =")]],
    ids=["divided", "not divided", "raises at 0"],
)
def test_a_rate_that_is_the_share_that_is_kept_is_1(tmp_path, changes):
    result = checked(tmp_path, KEEP, *changes)
    assert (result.verdict, result.findings) == ("agree", ())
    assert result.assumed["dropout"].startswith("dropout_rate = 1 switches it off")
    assert {"W1", "W2", "forward p", "forward cost"} <= {t.name for t in result.cases[0].tensors}


@pytest.mark.slow
def test_a_rate_that_is_the_share_that_is_dropped_stays_0(tmp_path):
    change = ("< p) / p", ">= p) / (1 - p)")
    assert "dropout" not in checked(tmp_path, KEEP, change).assumed
    assert "dropout" not in checked(tmp_path, DROPOUT_NET).assumed


@pytest.mark.slow
def test_a_mistake_beside_such_a_rate_is_found(tmp_path):
    result = checked(tmp_path, KEEP, ('"b2": d.sum(axis=0)', '"b2": 2 * d.sum(axis=0)'))
    wrong = {t.name for c in result.cases for t in c.tensors if t.verdict == "disagree"}
    assert wrong == {"b2"}


NOTHING = ("/ e.sum(axis=1, keepdims=True)", "* np.nan")


@pytest.mark.slow
def test_where_all_is_nan_nothing_was_compared_and_nothing_else_is_said(tmp_path):
    with pytest.raises(UserError, match=r"nothing that could be compared: .*W2 holds nan") as said:
        checked(tmp_path, KEEP, NOTHING)
    assert "\n" not in str(said.value)
    findings = run_code(tmp_path / "mine.py", None, TWO).findings
    assert {f.kind for f in findings} <= {"not finite", "noise"}


def test_outputs_that_are_nan_or_the_same_for_all_samples_show_that_nothing_is_left():
    p = np.array([[0.5, 0.5, 0.0], [0.2, 0.5, 0.3]])
    assert is_alive(Raw({}, {"p": p}), columns=False)
    assert not is_alive(Raw({}, {"p": p[[0, 0]]}), columns=False)
    assert not is_alive(Raw({}, {"p": p[[0, 0]].T}), columns=True)
    assert not is_alive(Raw({}, {"p": p * np.nan}), columns=False)
    assert is_alive(Raw({"W1": p}), columns=False)
    assert not is_alive(Raw({"W1": 0 * p}), columns=False)


def test_nan_is_equal_to_nan_and_to_nothing_else():
    nan = np.array([1.0, np.nan])
    assert equal(nan, nan.copy())
    assert same(nan, nan.copy())
    assert not equal(nan, np.array([1.0, 2.0]))
    assert equal(np.array([1, 2]), np.array([1.0, 2.0]))


@pytest.mark.parametrize(
    ("again", "changed"), [([1.0, np.nan], False), ([2.0, np.nan], True), ([1.0, 1.0], True)]
)
def test_a_second_call_that_gives_nan_again_keeps_nothing_from_the_first(again, changed):
    first, second = (Taken({"b1": np.array(value)}) for value in ([1.0, np.nan], again))
    assert (accumulation(first, second, None) is not None) is changed


SCORES = """
import numpy as np


def forward(X, W, b):
    h = np.maximum(X @ W[0] + b[0], 0)
    scores = h @ W[1] + b[1]
    return scores, (h,)


def softmax(s):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def compute_loss(AL, Y, lam, W):
    penalty = lam * sum((w**2).sum() for w in W)
    return -np.log((softmax(AL) * Y).sum(axis=1)).mean() + penalty


def backward(X, Y, W, b, scores, lam):
    h = np.maximum(X @ W[0] + b[0], 0)
    d = (softmax(scores) - Y) / len(X)
    dW2, db2 = h.T @ d + 2 * lam * W[1], d.sum(axis=0)
    d = (d @ W[1].T) * (h > 0)
    return [X.T @ d + 2 * lam * W[0], dW2], [d.sum(axis=0), db2]
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["AL", "y_pred", "P"])
def test_a_cost_is_given_the_output_and_not_the_cache(tmp_path, name):
    result = checked(tmp_path, SCORES, ("AL, Y", f"{name}, Y"), ("softmax(AL)", f"softmax({name})"))
    assert (result.verdict, result.findings) == ("agree", ())
    assert result.quantities["value of cost"] > 0
