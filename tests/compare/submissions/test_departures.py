"""Conventions, precision and layers: what is taken, what is refused, and what is a finding."""

import pytest

from compare.submissions import Request
from compare.submissions.code_check import check_code
from twingrad.errors import UserError

NET = """
import numpy as np


def act(s):
    return np.maximum(s, 0)


def slope(s):
    return (s > 0) * 1.0


def EvaluateClassifier(X, W, b):
    H, S = [X], []
    for i in range(len(W)):
        S.append(W[i] @ H[-1] + b[i])
        H.append(act(S[-1]))
    e = np.exp(S[-1])
    return e / e.sum(axis=0), H, S


def ComputeCost(X, Y, W, b, lam):
    P, H, S = EvaluateClassifier(X, W, b)
    penalty = lam * sum((w ** 2).sum() for w in W)
    return -(Y * np.log(P)).sum() / X.shape[1] + penalty


def ComputeGradients(X, Y, W, b, lam):
    P, H, S = EvaluateClassifier(X, W, b)
    G = (P - Y) / X.shape[1]
    dW, db = [None] * len(W), [None] * len(W)
    for i in reversed(range(len(W))):
        dW[i] = G @ H[i].T + 2 * lam * W[i]
        db[i] = G.sum(axis=1, keepdims=True)
        G = (W[i].T @ G) * slope(S[i - 1] if i else H[0])
    return dW, db
"""

SUM = ((" / X.shape[1] + penalty", " + penalty"), ("(P - Y) / X.shape[1]", "P - Y"))
BIAS = (
    ("for w in W)\n", "for w in W + b)\n"),
    ("keepdims=True)\n", "keepdims=True) + 2 * lam * b[i]\n"),
)

SMALL = Request(hidden=(6, 5), inputs=7, samples=9, penalty=0.1)


def checked(tmp_path, *changes, request=SMALL):
    text = NET
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "mine.py").write_text(text)
    return check_code(tmp_path / "mine.py", None, request)


@pytest.mark.parametrize(
    ("changes", "subject"), [(SUM, "cross-entropy"), (BIAS, "penalty of b")], ids=["sum", "bias"]
)
def test_a_convention_of_cost_and_gradients_alike_is_taken_and_said(tmp_path, changes, subject):
    result = checked(tmp_path, *changes)
    assert (result.verdict, result.summary) == ("agree", [])
    assert "in the cost" in result.assumed[subject]
    for change in changes:  # in one of the two alone it is a mistake
        assert checked(tmp_path, change).verdict == "disagree"


def test_without_a_cost_a_sum_is_no_convention(tmp_path):
    result = checked(tmp_path, SUM[1], ("def ComputeCost", "def Plot"))
    assert result.verdict == "disagree"
    assert "cross-entropy" not in result.assumed


ROUNDED = ("dW[i] = G @ H[i].T + 2 * lam * W[i]", "dW[i] = {}(G @ H[i].T + 2 * lam * W[i])")


@pytest.mark.parametrize(("dtype", "factor"), [("float16", "1.01 * "), ("float32", "")])
def test_gradients_in_a_lower_precision_are_a_finding_of_their_own(tmp_path, dtype, factor):
    change = (ROUNDED[0], ROUNDED[1].format(factor) + f"; dW[i] = dW[i].astype(np.{dtype})")
    result = checked(tmp_path, change)
    (finding,) = result.findings
    assert (finding.kind, finding.fails, finding.tensor) == ("precision", True, "W1")
    assert (
        f"float64 was passed, but gradients are returned in a lower precision: W1 in {dtype}"
        in (finding.message)
    )
    disagree = {t.name for c in result.cases for t in c.tensors if t.verdict == "disagree"}
    assert disagree == {"W1", "W2", "W3"}


def test_gradients_in_the_precision_that_was_passed_are_none(tmp_path):
    request = Request(hidden=(6,), inputs=7, samples=9, penalty=0.1, dtype="float32")
    result = checked(tmp_path, request=request)
    assert (result.verdict, result.findings) == ("agree", ())


SMOOTH = {
    "sigmoid": ("1 / (1 + np.exp(-s))", "act(s) * (1 - act(s))", "s * (1 - s)"),
    "tanh": ("np.tanh(s)", "1 - np.tanh(s) ** 2", "1 - s ** 2"),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_a_smooth_activation_is_told_by_the_probabilities(tmp_path, name):
    act, slope, wrong = SMOOTH[name]
    forward = ("np.maximum(s, 0)", act)
    result = checked(tmp_path, forward, ("(s > 0) * 1.0", slope))
    assert result.agrees
    assert result.assumed["activation"] == f"{name}, as the probabilities show"
    result = checked(tmp_path, forward, ("(s > 0) * 1.0", wrong))
    assert not result.agrees
    assert "by the formula for its output x, but from its input" in " ".join(str(result).split())


OTHERS = {
    "ELU": ("np.where(s > 0, s, np.exp(s) - 1)", "np.where(s > 0, 1, np.exp(s))"),
    "softplus": ("np.log(1 + np.exp(s))", "1 / (1 + np.exp(-s))"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_an_activation_that_is_not_known_is_refused_by_its_name(tmp_path, name):
    act, slope = OTHERS[name]
    changes = (("np.maximum(s, 0)", act), ("(s > 0) * 1.0", slope))
    with pytest.raises(UserError, match=f"hidden layers have {name}; check --code takes"):
        checked(tmp_path, *changes)


def test_what_the_verdict_rests_on_is_counted(tmp_path):
    result = checked(tmp_path)
    assert result.agrees
    assert result.compared == sum(result.quantities.values()) == 76
    assert set(result.quantities) == {
        "gradient of W", "gradient of b", "value of cost", "value of p", "value of s", "value of x",
    }  # fmt: skip
    assert result.not_checked == (
        "networks with batch norm",
        "updates and learning rates (twingrad watch follows a training)",
        "dropout (off)",
    )
    said = result.as_json()
    assert (said["compared"], said["not_checked"]) == (76, list(result.not_checked))


CONVOLUTION = """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)
        self.last = nn.Linear(4 * 30 * 30, 10)

    def forward(self, x):
        return self.last(self.first(x).relu().flatten(1))
"""


def test_a_torch_layer_that_is_not_known_is_refused_by_its_name(tmp_path):
    (tmp_path / "net.py").write_text(CONVOLUTION)
    with pytest.raises(UserError, match=r"layers that are not known here: Conv2d \(first\)"):
        check_code(tmp_path / "net.py", None, Request())
