"""The loss that a file applies to its torch module, and the mode that the module comes in."""

import ast

import pytest

from compare.submissions import Request
from compare.submissions.code_check import check_code
from compare.submissions.criterion import criteria

NET = """
import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self, input_dim, hidden_dim, num_classes):
        super().__init__()
        self.first = nn.Linear(input_dim, hidden_dim)
        self.last = nn.Linear(hidden_dim, num_classes)

    def forward(self, x{argument}):
        s = self.last(torch.relu(self.first(x)))
        {ending}
"""

TRAIN = """

def train(net, X, y):
    {before}
    out = net(X)
    loss = {loss}
    loss.backward()
"""

SOFTMAX, LOGITS = "return torch.softmax(s, 1)", "return s"

ONE = Request(hidden=(6,), inputs=5, samples=7, penalty=0.1)


def checked(tmp_path, ending, rest="", argument=""):
    path = tmp_path / "net.py"
    path.write_text(NET.format(ending=ending, argument=argument) + rest)
    return check_code(path, None, ONE)


def training(loss, before="pass"):
    return TRAIN.format(loss=loss, before=before)


TWICE = {"softmax twice, in the loss"}
CRITERION = "criterion = nn.CrossEntropyLoss()"


@pytest.mark.parametrize(
    ("rest", "line", "written"),
    [
        (training("F.cross_entropy(out, y)"), 21, "F.cross_entropy"),
        (training("criterion(out, y)", CRITERION), 19, "nn.CrossEntropyLoss()"),
        (f"\n\n{CRITERION}\n", 18, "nn.CrossEntropyLoss()"),
    ],
    ids=["function", "in a function", "at the end"],
)
def test_cross_entropy_of_probabilities_is_named_wherever_it_stands(tmp_path, rest, line, written):
    result = checked(tmp_path, SOFTMAX, rest)
    assert {m.candidate.parts[0].fault.name for m in result.explained} == TWICE
    assert result.assumed["cost"] == f"{written}, line {line}, of its probabilities"
    # the probabilities themselves are right
    assert {t.name for c in result.cases for t in c.tensors if t.verdict == "agree"} >= {
        "forward p"
    }


def test_a_loss_that_the_module_returns_is_the_one_that_is_judged(tmp_path):
    loss = "F.cross_entropy({}, y)"
    right = f"p = torch.softmax(s, 1)\n        return p if y is None else (p, {loss.format('s')})"
    assert checked(tmp_path, right, argument=", y=None").verdict == "agree"
    result = checked(
        tmp_path, right.replace(loss.format("s"), loss.format("p")), argument=", y=None"
    )
    assert {m.candidate.parts[0].fault.name for m in result.explained} == TWICE
    assert result.assumed["cost"] == "what it returns with its labels in y"


@pytest.mark.parametrize(
    ("ending", "rest"),
    [
        (LOGITS, training("F.cross_entropy(out, y)")),
        ("return torch.log_softmax(s, 1)", training("F.cross_entropy(out, y)")),
        ("return torch.log_softmax(s, 1)", training("F.nll_loss(out, y)")),
        (SOFTMAX, training("F.nll_loss(torch.log(out), y)")),
        (SOFTMAX, training("F.cross_entropy(logits(net, X), y)")),
        (SOFTMAX, training("criterion(torch.log(out), y)", CRITERION)),
    ],
)
@pytest.mark.slow
def test_a_right_pair_is_not_accused(tmp_path, ending, rest):
    result = checked(tmp_path, ending, rest)
    assert (result.verdict, result.summary) == ("agree", [])


def test_nll_loss_of_logits_disagrees(tmp_path):
    result = checked(tmp_path, LOGITS, training("F.nll_loss(out, y)"))
    assert result.verdict == "disagree"
    assert {c.first_fault["tensor"] for c in result.cases} == {"loss"}


def test_a_criterion_with_options_is_another_loss():
    text = training("F.cross_entropy(out, y, reduction='sum')")
    assert list(criteria(ast.parse(text))) == []


FACTORY = """
from torch import nn


def make_net():
    net = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 4))
    {mode}
    return net
"""


@pytest.mark.parametrize(
    ("mode", "rest", "fails"),
    [
        ("net.eval()", "", True),
        ("net[1].eval()", "", True),
        ("net.eval()", "\n\ndef fit(net):\n    net.train()\n", False),
        ("net.train()", "", None),
    ],
)
@pytest.mark.slow
def test_a_batch_norm_left_in_evaluation_mode_is_named(tmp_path, mode, rest, fails):
    path = tmp_path / "net.py"
    path.write_text(FACTORY.format(mode=mode) + rest)
    result = check_code(path, None, Request(samples=7))
    findings = [(f.kind, f.line, f.fails) for f in result.findings]
    assert findings == ([] if fails is None else [("evaluation mode", 7, fails)])
    assert result.verdict == ("disagree" if fails else "agree")
