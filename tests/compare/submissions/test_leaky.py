"""Leaky ReLUs, and backward passes that update the parameters themselves."""

import pytest

from compare.grading.conventions import conventions_of
from tests.compare.submissions.test_public_layouts import checked

LEAKY = """
import numpy as np


class Net:
    def __init__(self, sizes):
        self.W = [np.random.randn(d, m) for d, m in zip(sizes, sizes[1:])]
        self.b = [np.zeros((1, m)) for m in sizes[1:]]

    def act(self, s, slope=0.02):
        return np.maximum(slope * s, s)

    def forward(self, X):
        self.s, self.x = [], [X]
        for W, b in zip(self.W, self.b):
            self.s.append(self.x[-1] @ W + b)
            self.x.append(self.act(self.s[-1]))
        e = np.exp(self.s[-1])
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p

    def cost(self, y, p):
        return -np.log(p[np.arange(len(y)), y]).mean()

    def backward(self, X, y, learning_rate):
        G = (self.p - np.eye(self.p.shape[1])[y]) / len(y)
        steps = []
        for l in range(len(self.W) - 1, -1, -1):
            steps.append((l, self.x[l].T @ G, G.sum(axis=0, keepdims=True)))
            if l:
                G = G @ self.W[l].T * np.where(self.s[l - 1] > 0, 1, 0.02)
        for l, dW, db in steps:
            self.W[l] -= learning_rate * dW
            self.b[l] -= learning_rate * db
"""


def test_a_leaky_relu_and_an_update_in_the_backward_pass_agree(tmp_path):
    result = checked(tmp_path, LEAKY)
    assert (result.verdict, result.findings) == ("agree", ())
    assert result.assumed["activation"] == "leaky ReLU, slope 0.02, as the probabilities show"
    assert conventions_of(result) == ("leaky ReLU",)
    assert result.assumed["gradients"].endswith("takes from the parameters at a learning rate of 1")
    assert result.quantities["gradient of W"] == result.quantities["gradient of b"] > 0


@pytest.mark.parametrize(
    ("change", "tensor", "said"),
    [
        (("G.sum(axis=0, keepdims=True)", "len(y) * G.sum(axis=0, keepdims=True)"), "b2",
         "The gradient of b is not divided by n"),
        (("> 0, 1, 0.02)", "> 0, 1, 0)"), "W1", "slope"),
    ],
)  # fmt: skip
def test_what_is_wrong_behind_a_leaky_relu_is_found(tmp_path, change, tensor, said):
    result = checked(tmp_path, LEAKY, change)
    assert result.verdict == "disagree"
    assert not any(
        t.verdict == "disagree"
        for c in result.cases
        for t in c.tensors
        if t.name.startswith("forward")
    )
    assert said in result.diagnosis
