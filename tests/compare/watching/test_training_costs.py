"""Costs and penalties against their gradients, as the recording of a training shows them."""

from pathlib import Path

import pytest

from tests.compare.watching.small_programs import PLAIN, by, judged

pytestmark = pytest.mark.slow

PENALTY = "penalty = lam * ((W1**2).sum() + (W2**2).sum() + (W3**2).sum())"
LOSS = "loss = -np.log(p[np.arange(20), yb]).mean()"


@pytest.mark.parametrize(
    ("what", "right", "wrong", "fragment"),
    [
        ("penalty", PENALTY, PENALTY[:-1] + " + (b1**2).sum() + (b2**2).sum() + (b3**2).sum())",
         "it takes in the biases"),
        ("penalty", PENALTY, "penalty = lam * (W1.sum()**2 + W2.sum()**2 + W3.sum()**2)",
         "it squares the sum of the weights"),
        ("penalty", PENALTY, "penalty = lam * ((W1**2).sum() + (W3**2).sum())",
         "it leaves out layer 2"),
        ("cost", LOSS, "loss = -np.log(p[np.arange(20), yb]).sum()",
         "the loss is summed over the samples"),
        ("cost", LOSS, "loss = -np.log(p[np.arange(20), yb].mean())",
         "the logarithm of the mean probability"),
    ],
)  # fmt: skip
def test_a_cost_that_does_not_match_its_gradient(
    tmp_path: Path, what: str, right: str, wrong: str, fragment: str
) -> None:
    said = judged(tmp_path, by(PLAIN, (right, wrong)))
    assert said.failing == [(what, wrong)]
    assert fragment in said.said


def test_a_penalty_with_half_its_gradient(tmp_path: Path) -> None:
    text = PLAIN.replace("2 * lam * W", "lam * W")
    said = judged(tmp_path, text)
    assert said.failing == [("penalty", "dW3 = h2.T @ G + lam * W3")]
    assert "the cost has twice the penalty whose gradient is used" in said.said


def test_a_layer_without_the_penalty_in_its_gradient(tmp_path: Path) -> None:
    said = judged(tmp_path, by(PLAIN, (" + 2 * lam * W1", "")))
    assert said.failing == [("penalty", "dW1 = Xb.T @ G1")]
    assert "The gradient of W1 has no penalty, that of other layers 0.02 W" in said.said


def test_half_the_penalty_is_a_convention(tmp_path: Path) -> None:
    text = by(PLAIN.replace("2 * lam * W", "lam * W"), (PENALTY, "penalty = 0.5 * " + PENALTY[10:]))
    said = judged(tmp_path, text)
    assert said.failing == []
    assert said.verdict.facts["penalty"] == "lambda 0.01, cost lambda/2 sum ||W||^2"


def test_the_sum_over_the_minibatch_is_a_convention(tmp_path: Path) -> None:
    text = by(
        PLAIN,
        (LOSS, LOSS.replace("mean", "sum")),
        (PENALTY, PENALTY.replace("lam *", "20 * lam *")),
        ("        G /= 20\n", ""),
        ("0.01, 0.1\n", "0.0005, 0.005\n"),
    ).replace("2 * lam * W", "40 * lam * W")
    said = judged(tmp_path, text)
    assert said.failing == []
