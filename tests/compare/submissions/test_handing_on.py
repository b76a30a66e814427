"""What the forward function returns is handed on to the right arguments of the backward one."""

import pytest

from compare.submissions import Request
from compare.submissions.handing_on import by_name
from tests.compare.submissions.test_public_layouts import checked

THREE = Request(hidden=(6, 5), inputs=7, samples=8)

TWO_LISTS = """
import numpy as np


def forward(X, weights, biases):
    kept_acts, kept_outs = [], []
    h = X
    for W, b in zip(weights[:-1], biases[:-1]):
        s = W @ h + b
        kept_outs.append(s)
        h = np.maximum(s, 0)
        kept_acts.append(h)
    e = np.exp(weights[-1] @ h + biases[-1])
    p = e / e.sum(axis=0)
    return p, kept_acts, kept_outs


def cost(X, Y, weights, biases, lam):
    p, _, _ = forward(X, weights, biases)
    squares = sum((W**2).sum() for W in weights)
    return -np.log((Y * p).sum(axis=0)).mean() + lam * squares


def gradients(X, Y, weights, biases, p, outs, acts, lam):
    n = X.shape[1]
    G = (p - Y) / n
    dW, db = [], []
    for l in range(len(weights) - 1, -1, -1):
        below = acts[l - 1] if l else X
        dW.insert(0, G @ below.T + 2 * lam * weights[l])
        db.insert(0, G.sum(axis=1, keepdims=True))
        if l:
            G = (weights[l].T @ G) * (outs[l - 1] > 0)
    return dW, db
"""

CALLED = """

def step(X, Y, weights, biases, rate, lam):
    probabilities, first, second = forward(X, weights, biases)
    dW, db = gradients(X, Y, weights, biases, probabilities, second, first, lam)
    return [W - rate * d for W, d in zip(weights, dW)], db
"""

PENALTY = ("2 * lam * weights[l])", "2 * lam * (G @ below.T))")
NAMELESS = [("outs, acts, lam)", "one, other, lam)"), ("acts[l - 1]", "other[l - 1]")]
NAMELESS += [("outs[l - 1]", "one[l - 1]")]


def test_names_tell_the_order(tmp_path):
    result = checked(tmp_path, TWO_LISTS, request=THREE)
    assert result.verdict == "agree"
    assert result.assumed["handed on"] == "outs = kept_outs, acts = kept_acts (by their names)"


def test_the_files_own_call_tells_the_order_where_names_do_not(tmp_path):
    result = checked(tmp_path, TWO_LISTS + CALLED, *NAMELESS, request=THREE)
    assert result.verdict == "agree"
    assert result.assumed["handed on"].endswith(
        "one = kept_outs, other = kept_acts (as the file calls it)"
    )


def test_values_tell_the_order_where_nothing_else_does(tmp_path):
    result = checked(tmp_path, TWO_LISTS, *NAMELESS, request=THREE)
    assert result.verdict == "agree"
    assert result.assumed["handed on"] == "one = kept_outs, other = kept_acts (by their values)"


@pytest.mark.parametrize("changes", [[PENALTY], [PENALTY, *NAMELESS]])
def test_a_wrong_penalty_is_found_and_not_the_order_blamed(tmp_path, changes):
    result = checked(tmp_path, TWO_LISTS, *changes, request=THREE)
    first, *others = [case for case in result.cases if case.verdict != "agree"]
    assert all("lambda=0 " not in f"{case.name} " for case in (first, *others))
    assert "the gradient of W3" in result.diagnosis
    assert "2 lambda times the gradient of W itself is added" in result.diagnosis


def test_equal_likeness_leaves_the_order_open():
    assert by_name(["scores", "hs"], {1: "all_scores", 2: "all_hs"}) == {"scores": 1, "hs": 2}
    assert by_name(["scores", "hs"], {1: "a", 2: "b"}) is None
    assert by_name(["scores", "other"], {1: "a", 2: "scores_1"}) == {"scores": 2, "other": 1}
    results = {1: "batch_norm_acts", 2: "batch_norm_outs", 3: "hidden_outs"}
    arguments = ["bn_outs", "bn_acts", "hidden_outs"]
    assert by_name(arguments, results) == {"bn_outs": 2, "bn_acts": 1, "hidden_outs": 3}
    assert by_name(["outs"], results) is None
