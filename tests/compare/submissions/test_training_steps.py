"""Backward passes that are a whole training step and return no gradients."""

from inspect import Parameter

import numpy as np
import pytest

from compare.submissions.construct import meaning_in
from compare.submissions.stepping import named_gradients, says_gradient, steps_of
from tests.compare.submissions.test_public_layouts import checked
from twingrad.errors import UserError

STEP = """
import numpy as np


class Net:
    def __init__(self, layer_sizes, output="softmax"):
        self.output, self.t = output, 0
        self.W = [np.random.randn(d, m) for d, m in zip(layer_sizes, layer_sizes[1:])]
        self.b = [np.zeros(m) for m in layer_sizes[1:]]
        self.m = [np.zeros_like(W) for W in self.W]
        self.v = [np.zeros_like(W) for W in self.W]

    def forward(self, X):
        self.x = [X]
        for W, b in zip(self.W, self.b):
            s = self.x[-1] @ W + b
            self.x.append(np.maximum(s, 0))
        if self.output == "softmax":
            e = np.exp(s - s.max(axis=1, keepdims=True))
            s = e / e.sum(axis=1, keepdims=True)
        self.x[-1] = s
        return self.x[-1]

    def compute_loss(self, y, y_pred):
        return -np.mean(np.sum(y * np.log(np.clip(y_pred, 1e-8, 1)), axis=1))

    def backward(self, y, optimizer="Adam", lr=0.001):
        self.t += 1
        d = (self.x[-1] - y) / len(y)
        for i in reversed(range(len(self.W))):
            dW, db = self.x[i].T @ d, d.sum(axis=0)
            d = (d @ self.W[i].T) * (self.x[i] > 0)
            if optimizer == "Adam":
                self.m[i] = 0.9 * self.m[i] + 0.1 * dW
                self.v[i] = 0.999 * self.v[i] + 0.001 * dW**2
                m, v = self.m[i] / (1 - 0.9**self.t), self.v[i] / (1 - 0.999**self.t)
                self.W[i] -= lr * m / (np.sqrt(v) + 1e-8)
            else:
                self.W[i] -= lr * dW
            self.b[i] -= lr * db
"""

ALWAYS_ADAM = [('optimizer="Adam", ', ""), ('if optimizer == "Adam":', "if True:")]


def wrong(result):
    """The names of the tensors that disagree."""
    return {t.name for c in result.cases for t in c.tensors if t.verdict == "disagree"}


@pytest.mark.slow
def test_a_training_step_is_asked_for_plain_descent_and_its_output_stays_a_softmax(tmp_path):
    result = checked(tmp_path, STEP)
    assert (result.verdict, result.findings) == ("agree", ())
    assert result.assumed["gradients"].endswith("learning rate of 1, with optimizer = 'sgd'")
    assert {"W1", "b1", "W2", "b2", "forward p", "forward cost"} == {
        t.name for t in result.cases[0].tensors
    }


@pytest.mark.slow
def test_a_mistake_in_a_training_step_is_found_and_nothing_else_accused(tmp_path):
    result = checked(tmp_path, STEP, ("d.sum(axis=0)\n", "d.sum(axis=0) * len(y)\n"))
    assert wrong(result) == {"b1", "b2"}
    assert "The gradient of b is not divided by n" in result.diagnosis
    assert not any(f.fails for f in result.findings)


@pytest.mark.slow
def test_adam_s_steps_are_not_taken_for_gradients(tmp_path):
    said = (
        r"backward updates the parameters and returns no gradients; those of W1, b1, W2, b2 cannot "
        r"be told from the update \(all entries of W1 move by the same amount, as by Adam\)"
    )
    with pytest.raises(UserError, match=said):
        checked(tmp_path, STEP, *ALWAYS_ADAM)


@pytest.mark.slow
def test_an_update_by_a_rate_of_the_object_is_not_taken_for_gradients(tmp_path):
    changes = [*ALWAYS_ADAM, ("if True:", "if False:"), (", lr=0.001", ""), ("lr *", "0.1 *")]
    with pytest.raises(UserError, match="its learning rate is not known"):
        checked(tmp_path, STEP, *changes)


STORED = [
    *ALWAYS_ADAM,
    ("self.t += 1", "self.t += 1\n        self.dW, self.db = [0] * 2, [0] * 2"),
    ('            if True:', '            self.dW[i], self.db[i] = dW, db\n            if True:'),
]  # fmt: skip


@pytest.mark.slow
def test_gradients_are_taken_from_attributes_with_their_names(tmp_path):
    result = checked(tmp_path, STEP, *STORED)
    assert (result.verdict, result.findings) == ("agree", ())


@pytest.mark.slow
def test_a_wrong_gradient_in_an_attribute_is_not_exchanged_for_a_momentum(tmp_path):
    result = checked(tmp_path, STEP, *STORED, ("self.x[i].T @ d,", "3 * self.x[i].T @ d,"))
    assert wrong(result) == {"W1", "W2"}
    assert "gradient of W is multiplied by 3 at every layer" in result.diagnosis


def test_a_text_as_default_is_no_number_of_outputs():
    def meaning(default):
        return meaning_in(Parameter("output", Parameter.KEYWORD_ONLY, default=default))

    assert meaning("softmax") is None
    assert meaning(Parameter.empty) == meaning(10) == "classes"


def test_a_step_of_equal_sizes_is_no_gradient():
    W = {"W1": np.zeros((2, 3)), "b1": np.zeros(3)}
    gradient = {"W1": np.array([[0.1, -2, 0.3], [0, 5, -0.6]]), "b1": np.array([1.0, -1, 1])}
    after = {name: -value for name, value in gradient.items()}
    steps, descends = steps_of(W, after)
    assert descends
    np.testing.assert_array_equal(steps["W1"], gradient["W1"])
    assert not steps_of(W, after | {"W1": -0.999 * np.sign(gradient["W1"])})[1]
    assert steps_of(W, W) == ({}, False)


@pytest.mark.parametrize(
    ("name", "says"),
    [("dW", True), (".dgamma", True), ("grads", True), (".weights_grad", True), ("dparams", True),
     (".m_w", False), ("v_W1", False), (".A", False), ("delta", False), ("decay", False)],
)  # fmt: skip
def test_names_of_gradients(name, says):
    assert says_gradient(name) is says
    assert bool(named_gradients({(name, 0): np.zeros(2)})) is says
