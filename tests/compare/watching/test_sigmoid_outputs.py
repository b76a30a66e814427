"""Networks that end in sigmoids: what is judged, what is told, and what is refused."""

import sys
from pathlib import Path

import pytest

from compare.watching.result import WatchResult
from compare.watching.watch import watch
from twingrad.errors import UserError

pytestmark = pytest.mark.slow

NET = """
import numpy as np

rng = np.random.RandomState(5)
X = rng.randn(240, 4)
Y = (X @ np.array([[1.0], [-1.0], [0.5], [0.3]]) + 0.3 * rng.randn(240, 1) > 0).astype(float)
W1, b1 = rng.randn(4, 6) * 0.5, np.zeros(6)
W2, b2 = rng.randn(6, 1) * 0.5, np.zeros(1)
order = rng.permutation(240)
X, Y = X[order], Y[order]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


for epoch in range(4):
    for start in range(0, 240, 30):
        x, y = X[start:start + 30], Y[start:start + 30]
        h = np.tanh(x @ W1 + b1)
        z = h @ W2 + b2
        p = sigmoid(z)
        loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
        dz = (p - y) / 30
        dW2, db2 = h.T @ dz, dz.sum(axis=0)
        dh = dz @ W2.T * (1 - h**2)
        dW1, db1 = x.T @ dh, dh.sum(axis=0)
        W1 -= 0.5 * dW1
        b1 -= 0.5 * db1
        W2 -= 0.5 * dW2
        b2 -= 0.5 * db2
    print(epoch, loss)
"""


def watched(folder: Path, *changes: tuple[str, str]) -> WatchResult:
    text = NET
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = folder / "net.py"
    path.write_text(text)
    return watch(path, python=Path(sys.executable))


def test_a_right_one_agrees_and_everything_is_told(tmp_path: Path) -> None:
    result = watched(tmp_path)
    assert result.agrees, result.diagnosis
    assert result.network == "4-6-1 tanh binary cross entropy, batches of 30, samples in rows"
    assert result.facts["loss"] == "binary cross-entropy of sigmoids"
    assert result.facts["learning rate"].startswith("0.5 ")
    assert result.facts["minibatches"].startswith("30 of 240 samples")


@pytest.mark.parametrize(
    "change",
    [
        ("W1, b1 = rng.randn(4, 6)", "W1, b1 = rng.randn(4, 2)"),
        ("rng = np.random", "shares = np.array([0.1, 0.2, 0.3, 0.4])\nrng = np.random"),
        ("W2, b2 = rng.randn(6, 1) * 0.5", "W2, b2 = np.zeros((6, 1))"),
    ],
    ids=["two hidden units", "class priors", "weights of 0"],
)
def test_what_a_right_one_may_have(tmp_path: Path, change: tuple[str, str]) -> None:
    more = [("np.zeros(6)", "np.zeros(2)"), ("rng.randn(6, 1)", "rng.randn(2, 1)")]
    result = watched(tmp_path, change, *(more if "4, 2" in change[1] else []))
    assert result.agrees, result.diagnosis
    assert result.facts["loss"] == "binary cross-entropy of sigmoids"


def test_p_rounded_to_1_is_no_other_loss(tmp_path: Path) -> None:
    """The cross-entropy would then be infinite."""
    loss = "loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))"
    result = watched(
        tmp_path,
        (loss, "loss = np.mean((p - y) ** 2)"),
        ("dz = (p - y) / 30", "dz = 2 * (p - y) * p * (1 - p) / 30"),
        ("W2, b2 = rng.randn(6, 1) * 0.5", "W2, b2 = rng.randn(6, 1) * 60"),
    )
    assert result.agrees, result.diagnosis
    assert result.findings == []
    assert result.facts["loss"] == "squared error of sigmoids, (p - Y)^2"


MISTAKES = [
    ("(1 - h**2)", "(1 - h)", "tanh"),
    ("h.T @ dz, dz.sum(axis=0)", "h.T @ dz, 30 * dz.sum(axis=0)", "gradient of b2"),
]


@pytest.mark.parametrize(("old", "new", "said"), MISTAKES)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    result = watched(tmp_path, (old, new))
    assert not result.agrees
    assert said in result.diagnosis


OTHER_LOSSES = {
    "weights": ("dz = (p - y) / 30", "dz = (p - y) * (1 + 2 * y) / 30"),
    "focal": ("dz = (p - y) / 30", "dz = (p - y) * np.abs(p - y) ** 1.5 / 30"),
    "sigmoid as a metric": ("dz = (p - y) / 30", "dz = (z - 2 * y + 1) / 30"),
}


@pytest.mark.parametrize("name", OTHER_LOSSES)
def test_another_loss_is_refused_although_a_cross_entropy_is_computed(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(UserError, match="may have another loss"):
        watched(tmp_path, OTHER_LOSSES[name])


def test_the_other_loss_beside_a_right_gradient_is_a_note(tmp_path: Path) -> None:
    old = "loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))"
    result = watched(tmp_path, (old, "loss = np.mean((p - y) ** 2)"))
    assert result.agrees
    (note,) = result.findings
    assert "this number is the squared error of sigmoids, (p - Y)^2." in note.said[0]
