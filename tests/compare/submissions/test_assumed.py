"""What is said of how a file was read."""

import pytest

from compare.submissions import Request, run_code

TUPLE = """
import numpy as np


def EvaluateClassifier(X, W, b):
    layers = [X]
    for i in range(len(W)):
        s = W[i] @ layers[-1] + b[i]
        layers.append(np.maximum(s, 0))
    e = np.exp(s)
    return e / e.sum(axis=0), layers[:-1]


def ComputeGradients(X, Y, W, b, lam):
    P, H = EvaluateClassifier(X, W, b)
    G = (P - Y) / X.shape[1]
    dW, db = [None] * len(W), [None] * len(W)
    for i in reversed(range(len(W))):
        dW[i] = G @ H[i].T + 2 * lam * W[i]
        db[i] = G.sum(axis=1, keepdims=True)
        G = (W[i].T @ G) * (H[i] > 0)
    return ORDER
"""

WITHOUT_BIASES = """
from torch import nn


class Net(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        pairs = zip(sizes[:-1], sizes[1:])
        self.layers = nn.ModuleList([nn.Linear(a, b, bias=False) for a, b in pairs])

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        return self.layers[-1](x)
"""


@pytest.mark.parametrize(("order", "said"), [("dW, db", "dW, db"), ("(db, dW)", "db, dW")])
def test_the_order_of_a_returned_tuple_is_said(tmp_path, order, said):
    path = tmp_path / "mine.py"
    path.write_text(TUPLE.replace("ORDER", order))
    submission = run_code(path, None, Request())
    assert submission.assumed["returned"] == f"{said}, in this order"
    assert submission.findings == ()


def test_a_module_without_biases_is_told_so(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(WITHOUT_BIASES)
    (finding,) = run_code(path, None, Request()).findings
    assert finding.message.endswith("it has no b1; every layer here has one")
