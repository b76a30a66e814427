"""What public code does that is no mistake, and what must not be said of it."""

import textwrap

import pytest

from compare.submissions import Request
from compare.submissions.code_check import check_code
from compare.submissions.names import (
    BACKWARD,
    FORWARD,
    NOT_BACKWARD,
    NOT_FORWARD,
    parameter_argument,
    rank,
)
from tests.compare.submissions.support import student
from twingrad.errors import UserError

TWO = Request(hidden=(5,), inputs=6, samples=7, penalty=0.1)

DROPOUT_NET = """
import numpy as np


class Model:
    def __init__(self, n_in, n_hidden, n_out, dropout_rate=0.4):
        self.W1 = np.random.randn(n_in, n_hidden)
        self.b1 = np.zeros(n_hidden)
        self.W2 = np.random.randn(n_hidden, n_out)
        self.b2 = np.zeros(n_out)
        self.dropout_rate = dropout_rate

    def relu(self, x):
        return np.maximum(x, 0)

    def relu_grad(self, x):
        return x > 0

    def loss(self, X, y, reg=0.0):
        n = len(X)
        s = X @ self.W1 + self.b1
        keep = (np.random.rand(*s.shape) >= self.dropout_rate) / (1 - self.dropout_rate)
        h = self.relu(s) * keep
        e = np.exp(h @ self.W2 + self.b2)
        p = e / e.sum(axis=1, keepdims=True)
        cost = -np.log((p * y).sum(axis=1) + 1e-7).mean()
        cost += 0.5 * reg * ((self.W1**2).sum() + (self.W2**2).sum())
        G = (p - y) / n
        grads = {"W2": h.T @ G + reg * self.W2, "b2": G.sum(axis=0)}
        G = (G @ self.W2.T) * keep * self.relu_grad(s)
        grads |= {"W1": X.T @ G + reg * self.W1, "b1": G.sum(axis=0)}
        return cost, grads
"""

FUNCTIONS = """
import numpy as np


def evaluate(X, W, b, return_hidden=False):
    h = np.maximum(W[0] @ X + b[0], 0)
    e = np.exp(W[1] @ h + b[1])
    p = e / e.sum(axis=0)
    out = p
    if return_hidden:
        out = [p, h]
    return out


def compute_gradients(X, Y, P, H, W, lam):
    n = X.shape[1]
    G = (P - Y) / n
    dW2, db2 = G @ H.T + 2 * lam * W[1], G.sum(axis=1)
    G = W[1].T @ G
    G[H <= 0] = 0
    dW1, db1 = G @ X.T + 2 * lam * W[0], G.sum(axis=1)
    return [dW1, dW2], [db1, db2]
"""

SETTINGS = """
import numpy as np


class Network:
    def __init__(self, sizes, settings):
        self.lam, self.rate = settings["lambda"], settings["rate"]
        self.W = [np.random.randn(m, d) for d, m in zip(sizes, sizes[1:])]
        self.b = [np.zeros((m, 1)) for m in sizes[1:]]

    def forward(self, X):
        self.x = [X]
        for W, b in zip(self.W, self.b):
            s = W @ self.x[-1] + b
            self.x.append(np.maximum(s, 0))
        e = np.exp(s - s.max(axis=0))
        return e / e.sum(axis=0)

    def backward(self, Y_predicted, Y_true):
        G = (Y_predicted - Y_true) / Y_true.shape[1]
        grads = {}
        for l in range(len(self.W), 0, -1):
            grads[f"W{l}"] = G @ self.x[l - 1].T + 2 * self.lam * self.W[l - 1]
            grads[f"b{l}"] = G.sum(axis=1, keepdims=True)
            G = (self.W[l - 1].T @ G) * (self.x[l - 1] > 0)
        return grads
"""


def checked(folder, text, *changes, request=TWO, **options):
    """The result of a file, after replacing passages of its text."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "mine.py"
    path.write_text(textwrap.dedent(text))
    return check_code(path, None, request, **options)


def test_a_loss_method_of_a_class_with_dropout_and_a_guarded_logarithm_agrees(tmp_path):
    result = checked(tmp_path, DROPOUT_NET)
    assert (result.verdict, result.findings) == ("agree", ())
    assert result.assumed["backward"].startswith("loss")
    assert result.assumed["logarithm"].startswith("of p + 1e-07")
    assert {"W1", "b1", "W2", "b2", "forward cost"} <= {t.name for t in result.cases[0].tensors}


def test_no_guard_is_assumed_where_the_plain_cost_fits(tmp_path):
    result = checked(tmp_path, DROPOUT_NET, ("+ 1e-7).mean()", ").mean()"))
    assert result.verdict == "agree"
    assert "logarithm" not in result.assumed


def test_a_wrong_gradient_beside_a_guarded_logarithm_is_found(tmp_path):
    change = ('"b2": G.sum(axis=0)', '"b2": 2 * G.sum(axis=0)')
    result = checked(tmp_path, DROPOUT_NET, change)
    assert result.verdict == "disagree"
    assert "gradient of b2" in result.diagnosis


def test_a_cost_that_differs_by_more_than_a_guard_is_found(tmp_path):
    result = checked(tmp_path, DROPOUT_NET, ("+ 1e-7).mean()", ").sum()"))
    assert result.verdict == "disagree"
    assert "logarithm" not in result.assumed


def test_a_flag_asks_for_the_hidden_layer_and_flat_gradients_of_b_are_told_but_right(tmp_path):
    result = checked(tmp_path, FUNCTIONS)
    assert result.verdict == "agree"
    assert [(f.kind, f.tensor, f.fails) for f in result.findings] == [
        ("shape", "b1", False),
        ("shape", "b2", False),
    ]
    assert result.quantities["gradient of W"] > 0


def test_an_exception_after_a_guessed_argument_is_not_blamed_on_the_code(tmp_path):
    hidden = ("return_hidden=False", "extra=False")
    name = ("if return_hidden:", "if extra:")
    with pytest.raises(UserError, match="takes as H was guessed, and it raised ValueError"):
        checked(tmp_path, FUNCTIONS, hidden, name)


def test_a_dict_of_settings_gets_the_keys_that_are_read(tmp_path):
    result = checked(tmp_path, SETTINGS)
    assert (result.verdict, result.findings) == ("agree", ())


def test_of_several_ways_the_one_with_most_right_is_judged(tmp_path):
    change = ("G.sum(axis=1, keepdims=True)", "3 * G.sum(axis=1, keepdims=True)")
    result = checked(tmp_path, SETTINGS, change)
    wrong = {t.name for c in result.cases for t in c.tensors if t.verdict == "disagree"}
    assert wrong == {"b1", "b2"}


@pytest.mark.slow
def test_code_that_takes_too_long_was_not_checked(tmp_path):
    change = ("G = W[1].T @ G", "G = W[1].T @ G\n    while True:\n        n += 0")
    with pytest.raises(UserError, match=r"not done after 6 s.*--time-limit"):
        checked(tmp_path, FUNCTIONS, change, time_limit=6.0)


def test_a_gradient_that_is_another_parameters_is_told(tmp_path):
    text = student("dd2424_bn").read_text()
    change = ('grads["betas"] = grad_beta', 'grads["betas"] = grad_b[:-1]')
    request = Request(hidden=(6, 5), batch_norm=True, inputs=7, samples=8, penalty=0.1)
    result = checked(tmp_path, text, change, request=request)
    assert "What is returned as the gradient of beta1 is the gradient of b1." in result.summary
    assert "What is returned as the gradient of beta2 is the gradient of b2." in result.summary
    zero = ('grads["betas"] = grad_beta', 'grads["betas"] = [0 * g for g in grad_beta]')
    assert "What is returned" not in checked(tmp_path, text, zero, request=request).diagnosis


LAYERS = """
import numpy as np


def relu_forward(x):
    return np.maximum(x, 0), x


def relu_backward(dout, cache):
    return dout * (cache > 0)


def softmax_loss(scores, y):
    n = len(y)
    shifted = scores - scores.max(axis=1, keepdims=True)
    total = np.exp(shifted).sum(axis=1, keepdims=True)
    loss = -(shifted - np.log(total))[np.arange(n), y].mean()
    G = np.exp(shifted) / total
    G[np.arange(n), y] -= 1
    return loss, G / n


def train(x, y):
    return x
"""


def test_functions_that_are_no_layers_are_listed_as_not_checked(tmp_path):
    result = checked(tmp_path, LAYERS)
    assert (result.verdict, result.untried) == ("agree", ("the functions train",))


def test_a_wrong_loss_is_not_blamed_on_its_right_gradient(tmp_path):
    result = checked(tmp_path, LAYERS, ("np.log(total)", "total"))
    assert result.verdict == "disagree"
    assert "softmax_loss, line 13: wrong is its value" in result.diagnosis
    assert "Its gradient is that of the softmax loss." in result.diagnosis


@pytest.mark.parametrize(
    "name", ["relu_grad", "d_sigmoid", "batch_norm_backward", "softmaxBackward"]
)
def test_derivatives_of_activations_and_layers_are_no_backward_pass(name):
    assert rank(name, BACKWARD, ("backward", "grad"), NOT_BACKWARD) == -1


@pytest.mark.parametrize("name", ["relu_forward", "bn_forward", "activation_forward"])
def test_passes_of_one_layer_are_no_forward_pass(name):
    assert rank(name, FORWARD, ("forward",), NOT_FORWARD) == -1


@pytest.mark.parametrize("name", ["backward_pass_bn", "BackwardPassBatchNorm", "compute_gradients"])
def test_passes_over_the_network_still_are(name):
    assert rank(name, BACKWARD, ("backward", "grad"), NOT_BACKWARD) >= 0


ROW = """
import numpy as np


def affine_forward(x, w, b):
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0, keepdims=True)
"""


def test_a_layer_s_gradient_of_b_as_a_row_is_a_convention(tmp_path):
    result = checked(tmp_path, ROW)
    assert result.verdict == "agree"
    assert result.assumed["affine_backward"] == "the gradient of b has shape (1, 5) for (5,)"
    wrong = checked(tmp_path, ROW, ("keepdims=True)", "keepdims=True) * 2"))
    assert wrong.verdict == "disagree"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("W1", ("W", 1)), ("b_2", ("b", 2)), ("W_1_", ("W", 1)), ("gamma3", ("gamma", 3)),
     ("w", None), ("batch_1", None)],
)  # fmt: skip
def test_parameters_as_arguments_of_their_own(name, expected):
    assert parameter_argument(name) == expected
