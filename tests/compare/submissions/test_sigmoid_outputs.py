"""Code that ends in sigmoids: which loss it has is told, and its mistakes are named."""

import pytest

from compare.submissions import Request
from compare.submissions.code_check import check_code
from twingrad.errors import UserError

ONE_LAYER = """
import numpy as np


def EvaluateClassifier(X, W, b):
    s = W @ X + b
    return 1 / (1 + np.exp(-s))


def ComputeCost(X, Y, W, b, lamda):
    P = EvaluateClassifier(X, W, b)
    l = -np.sum((1 - Y) * np.log(1 - P) + Y * np.log(P), axis=0) / Y.shape[0]
    return l.mean() + lamda * np.sum(W ** 2)


def ComputeGradients(X, Y, P, W, lamda):
    n, K = X.shape[1], Y.shape[0]
    G = -(Y - P) / K
    return G @ X.T / n + 2 * lamda * W, G.sum(1, keepdims=True) / n
"""

TWO_LAYERS = """
import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward(X, W1, b1, W2, b2):
    h = np.maximum(0, X @ W1 + b1)
    return h, sigmoid(h @ W2 + b2)


def compute_cost(X, Y, W1, b1, W2, b2, lam):
    h, p = forward(X, W1, b1, W2, b2)
    return np.mean(np.sum((p - Y) ** 2, axis=1)) + lam * (np.sum(W1 ** 2) + np.sum(W2 ** 2))


def compute_gradients(X, Y, W1, b1, W2, b2, lam):
    n = X.shape[0]
    h, p = forward(X, W1, b1, W2, b2)
    d = 2 * (p - Y) * p * (1 - p) / n
    dW2 = h.T @ d + 2 * lam * W2
    dh = (d @ W2.T) * (h > 0)
    dW1 = X.T @ dh + 2 * lam * W1
    return dW1, dh.sum(0), dW2, d.sum(0)
"""

NO_COST = TWO_LAYERS.replace("def compute_cost", "def helper")


def checked(tmp_path, text, old="", new=""):
    assert old in text
    path = tmp_path / "mine.py"
    path.write_text(text.replace(old, new, 1))
    return check_code(path, None, Request())


@pytest.mark.parametrize(
    ("text", "loss", "counted"),
    [
        (ONE_LAYER, "binary cross-entropy of sigmoids, averaged over the classes", 36),
        (TWO_LAYERS, "squared error of sigmoids, (p - Y)^2", 88),
        (NO_COST, "squared error of sigmoids, (p - Y)^2", 80),
    ],
    ids=["one layer", "two layers", "no cost"],
)
def test_right_code_agrees_and_its_loss_is_told(tmp_path, text, loss, counted):
    result = checked(tmp_path, text)
    assert result.agrees, str(result)
    assert result.assumed["loss"] == loss
    assert result.compared == counted


SLOPE = "d = 2 * (p - Y) * p * (1 - p) / n"

MISTAKES = {
    "slope left out": (
        TWO_LAYERS,
        SLOPE,
        "d = 2 * (p - Y) / n",
        "without the sigmoid's slope. That is the gradient of the binary cross-entropy",
    ),
    "slope at p": (
        TWO_LAYERS,
        SLOPE,
        "d = 2 * (p - Y) * sigmoid(p) * (1 - sigmoid(p)) / n",
        "The sigmoid's slope is taken at p instead of s",
    ),
    "slope of s": (
        TWO_LAYERS,
        SLOPE,
        "s = h @ W2 + b2; d = 2 * (p - Y) * s * (1 - s) / n",
        "The sigmoid's slope is s (1 - s), with the logits for p.",
    ),
    "slope of tanh": (
        TWO_LAYERS,
        SLOPE,
        "d = 2 * (p - Y) * (1 - p ** 2) / n",
        "The slope of the output is that of a tanh, 1 - p^2.",
    ),
    "not divided by n": (
        TWO_LAYERS,
        SLOPE,
        "d = 2 * (p - Y) * p * (1 - p)",
        "The gradient of the logits is not divided by n",
    ),
    "sign": (
        ONE_LAYER,
        "G = -(Y - P) / K",
        "G = (Y - P) / K",
        "The gradient of the logits has the wrong sign",
    ),
    "half the gradient": (
        TWO_LAYERS,
        SLOPE,
        "d = (p - Y) * p * (1 - p) / n",
        "The gradient of the logits is multiplied by 1/2",
    ),
    "no mask": (
        TWO_LAYERS,
        "dh = (d @ W2.T) * (h > 0)",
        "dh = d @ W2.T",
        "The gradient passes the ReLU of layer 1 unmasked.",
    ),
    "of the squared error": (
        ONE_LAYER,
        "G = -(Y - P) / K",
        "G = -(Y - P) * P * (1 - P) / K",
        "is multiplied by p (1 - p), as for a squared error",
    ),
    "gradient by p": (
        ONE_LAYER,
        "G = -(Y - P) / K",
        "G = -(Y / P - (1 - Y) / (1 - P)) / K",
        "is (p - Y) / (p (1 - p) n), which is that of p",
    ),
    "second logarithm": (
        ONE_LAYER,
        "(1 - Y) * np.log(1 - P) + Y",
        "Y",
        "The loss is -1/n sum Y log p: the second logarithm is missing.",
    ),
    "half the penalty": (
        ONE_LAYER,
        "2 * lamda * W, G",
        "lamda * W, G",
        "but half of that was added at layer 1",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named(tmp_path, name):
    text, old, new, said = MISTAKES[name]
    result = checked(tmp_path, text, old, new)
    assert not result.agrees
    assert said in " ".join(str(result).split()), str(result)


TORCH = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, inputs=10, hidden=9, classes=10):
        super().__init__()
        self.a = nn.Linear(inputs, hidden)
        self.b = nn.Linear(hidden, classes)

    def forward(self, x):
        return self.b(torch.relu(self.a(x)))


def train(net, X, Y):
    criterion = nn.BCEWithLogitsLoss()
    loss = criterion(net(X), Y)
    loss.backward()
"""


def test_another_loss_of_torchs_is_refused_by_its_name(tmp_path):
    with pytest.raises(UserError, match=r"its loss is nn\.BCEWithLogitsLoss"):
        checked(tmp_path, TORCH)


def test_an_unknown_activation_below_sigmoids_is_named(tmp_path):
    elu = "h = X @ W1 + b1; h = np.where(h > 0, h, np.exp(h) - 1)"
    with pytest.raises(UserError, match="hidden layers have ELU"):
        checked(tmp_path, TWO_LAYERS, "h = np.maximum(0, X @ W1 + b1)", elu)
