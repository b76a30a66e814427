"""Arrays that are used as gradients and are none, and right programs that look wrong at first."""

from pathlib import Path

import pytest

from compare.watching.result import WatchResult
from tests.compare.watching.small_programs import BATCH_NORM, PLAIN
from tests.compare.watching.test_watch import by, first_line, watched
from twingrad.errors import UserError

pytestmark = pytest.mark.slow

SECOND = "dW2 = h1.T @ G2 + 2 * lam * W2"
NO_PENALTY = (
    ("        penalty = lam * ((W1**2).sum() + (W2**2).sum() + (W3**2).sum())\n", ""),
    ("cost = loss + penalty", "cost = loss"),
    ("dW3 = h2.T @ G + 2 * lam * W3", "dW3 = h2.T @ G"),
    ("dW1 = Xb.T @ G1 + 2 * lam * W1", "dW1 = Xb.T @ G1"),
)


def instead(tmp_path: Path, line: str) -> WatchResult:
    """The plain program without a penalty, with another line for dW2."""
    return watched(tmp_path, by(PLAIN, *NO_PENALTY, (SECOND, line)))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("dW2 = h1.T @ G2 + 0.03 * W2**2", "the penalty itself, 0.03 W2^2, and not its derivative"),
        ("dW2 = h1.T @ G2 + 0.02", "What was added is 0.02 in every entry"),
        ("dW2 = (h1.T @ G2) * (W2 > 0)", "is not the gradient of W2: they differ by up to "),
    ],
)
def test_a_line_that_spoils_the_gradient_it_computes(tmp_path: Path, line: str, said: str) -> None:
    result = instead(tmp_path, line)
    assert not result.agrees
    assert first_line(result) == line
    assert said in result.diagnosis


def test_a_gradient_that_is_changed_under_its_own_name(tmp_path: Path) -> None:
    change = "dW2 = dW2 + 0.05 * np.abs(W2)"
    result = watched(tmp_path, by(PLAIN, (SECOND, f"{SECOND}\n        {change}")))
    assert first_line(result) == change
    assert "What was added is 0.05 |W2|." in result.diagnosis


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "dW2 = h1.T @ G2 + 0.02 * np.sign(W2)",
            "the L1 penalty of the gradient of W2, 0.02 sign(W2)",
        ),
        ("dW2 = np.clip(h1.T @ G2, -0.02, 0.02)", "the gradient of W2: clipped to -0.02 to 0.02"),
    ],
)
def test_what_may_be_meant_is_not_judged(tmp_path: Path, line: str, said: str) -> None:
    result = instead(tmp_path, line)
    assert result.agrees
    assert any(said in one for one in result.not_checked)


def test_a_step_by_no_known_rule_along_a_right_gradient_is_not_judged(tmp_path: Path) -> None:
    result = watched(tmp_path, by(PLAIN, ("W2 -= eta * dW2", "W2 -= eta * np.sign(dW2)")))
    assert result.agrees
    assert "the update of W2: no known rule explains their changes" in result.not_checked


def test_biases_may_be_penalised_in_cost_and_gradients(tmp_path: Path) -> None:
    changes = (
        ("(W3**2).sum())", "(W3**2).sum() + (b1**2).sum() + (b2**2).sum() + (b3**2).sum())"),
        ("db3 = G.sum(axis=0)", "db3 = G.sum(axis=0) + 2 * lam * b3"),
        ("db2 = G2.sum(axis=0)", "db2 = G2.sum(axis=0) + 2 * lam * b2"),
        ("db1 = G1.sum(axis=0)", "db1 = G1.sum(axis=0) + 2 * lam * b1"),
        ("b1 = np.zeros(5)", "b1 = rng.normal(size=5)"),
    )
    result = watched(tmp_path, by(PLAIN, *changes))
    assert result.agrees
    assert result.facts["penalty"].endswith("; b1, b2, b3 penalised too")
    result = watched(tmp_path, by(PLAIN, *changes[1:]))
    assert not result.agrees  # the cost does not have it


def test_the_cost_tells_which_of_two_penalties_is_wrong(tmp_path: Path) -> None:
    halves = [(f"+ 2 * lam * W{l}", f"+ lam * W{l}") for l in (2, 3)]
    result = watched(tmp_path, by(PLAIN, *halves))
    assert first_line(result) == "dW3 = h2.T @ G + lam * W3"
    assert "half of that was added at layers 2, 3" in result.diagnosis


def test_another_loss_is_not_judged(tmp_path: Path) -> None:
    weights = "np.array([1.0, 2.0, 0.5, 3.0])[yb]"
    changes = (
        (
            "loss = -np.log(p[np.arange(20), yb]).mean()",
            f"loss = (-np.log(p[np.arange(20), yb]) * {weights}).mean()",
        ),
        ("G /= 20", f"G *= {weights}[:, None] / 20"),
    )
    with pytest.raises(UserError, match="may have another loss"):
        watched(tmp_path, by(PLAIN, *changes))
    # with the cross-entropy as its cost the same gradient is wrong
    result = watched(tmp_path, by(PLAIN, changes[1]))
    assert first_line(result) == f"G *= {weights}[:, None] / 20"


MEAN_ALONE = (
    ("s_hat = (s1 - mu) / np.sqrt(v + 1e-8)", "s_hat = s1 - mu"),
    (
        "gs = (g - g.mean(axis=0) - s_hat * (g * s_hat).mean(axis=0)) / np.sqrt(v + 1e-8)",
        "gs = g - g.mean(axis=0)",
    ),
    ("z = gamma * s_hat + beta", "z = s_hat + beta"),
    ("g = Gz * gamma", "g = Gz"),
)


def test_a_mean_that_is_subtracted_alone_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="subtracts the mean and does not divide"):
        watched(tmp_path, by(BATCH_NORM, *MEAN_ALONE))


def test_weights_below_what_was_rebuilt_end_an_agreement(tmp_path: Path) -> None:
    wave = (
        ("h1 = np.maximum(s1, 0)", "h1 = np.sin(s1) + 0.5 * s1[:, ::-1]"),
        (
            "G1 = (G2 @ W2.T) * (h1 > 0)",
            "G1 = (G2 @ W2.T) * np.cos(s1) + 0.5 * (G2 @ W2.T)[:, ::-1]",
        ),
        ("h1 = np.maximum(X_test @ W1 + b1, 0)", "h1 = np.sin(X_test @ W1 + b1)"),
    )
    with pytest.raises(UserError, match=r"weights of shape \(6, 5\) are updated"):
        watched(tmp_path, by(PLAIN, *wave))


def test_dropout_that_does_not_divide_is_right_while_training(tmp_path: Path) -> None:
    changes = (
        ("s3 = h2 @ W3 + b3", "mask = rng.random(h2.shape) < 0.7\n        h2 = h2 * mask\n"
         "        s3 = h2 @ W3 + b3"),
        ("G2 = (G @ W3.T) * (h2 > 0)", "G2 = (G @ W3.T) * mask * (h2 > 0)"),
    )  # fmt: skip
    result = watched(tmp_path, by(PLAIN, *changes))
    assert result.agrees
    assert any("training does not divide by it" in one for one in result.not_checked)


CALLED_AGAIN = (
    ("def softmax(s):", "def squash(s):\n    return 1 / (1 + np.exp(-s))\n\n\ndef softmax(s):"),
    ("        h1 = np.maximum(s1, 0)", "        h1 = squash(s1)"),
    ("        h2 = np.maximum(s2, 0)", "        h2 = squash(s2)"),
    ("G2 = (G @ W3.T) * (h2 > 0)", "G2 = (G @ W3.T) * squash(h2) * (1 - squash(h2))"),
    ("G1 = (G2 @ W2.T) * (h1 > 0)", "G1 = (G2 @ W2.T) * h1 * (1 - h1)"),
    ("np.maximum(X_test @ W1 + b1, 0)", "squash(X_test @ W1 + b1)"),
    ("np.maximum(h1 @ W2 + b2, 0)", "squash(h1 @ W2 + b2)"),
)


def test_the_backward_pass_may_call_the_activations_function(tmp_path: Path) -> None:
    result = watched(tmp_path, by(PLAIN, *CALLED_AGAIN))
    assert first_line(result) == "G2 = (G @ W3.T) * squash(h2) * (1 - squash(h2))"
    assert "the sigmoid is applied to x once more" in result.diagnosis


def test_lines_that_pass_a_wrong_array_on_inherit_it(tmp_path: Path) -> None:
    kept = "dW2 = h1.T @ G2 + lam * W2\n        gradients = [dW2]"
    result = watched(tmp_path, by(PLAIN, (SECOND, kept)))
    status = {line.text: line.status for line in result.lines}
    assert status["dW2 = h1.T @ G2 + lam * W2"] == "wrong"
    assert status["gradients = [dW2]"] == "inherits"


SUMS = (
    ("        G /= 20\n", ""),
    ("n_s, low, high = 8, 0.01, 0.1", "n_s, low, high = 8, 0.001, 0.005"),
    ("cost = loss + penalty", "cost = 20 * loss + penalty"),
)


def test_rates_and_lambda_of_sums_are_the_programs_own(tmp_path: Path) -> None:
    result = watched(tmp_path, by(PLAIN, *SUMS))
    assert result.agrees
    assert result.facts["gradients"] == "sums over the minibatch (n = 20), not means"
    assert result.facts["learning rate"] == "cyclical, n_s 8, 0.001 to 0.005"
    assert result.facts["penalty"] == "lambda 0.01, cost lambda sum ||W||^2"


def test_a_sum_in_the_gradient_and_a_mean_in_the_cost_with_one_penalty(tmp_path: Path) -> None:
    result = watched(tmp_path, by(PLAIN, *SUMS[:2]))
    assert not result.agrees
    assert "the mean of the losses and the gradient their sum" in result.diagnosis


def test_layers_with_different_activations_are_named(tmp_path: Path) -> None:
    changes = (
        ("        h1 = np.maximum(s1, 0)", "        h1 = np.tanh(s1)"),
        ("(G2 @ W2.T) * (h1 > 0)", "(G2 @ W2.T) * (1 - h1**2)"),
    )
    with pytest.raises(UserError, match=r"different activations \(tanh, ReLU\)"):
        watched(tmp_path, by(PLAIN, *changes))


NORMALISED_ONCE = (
    ("h1 = np.maximum(s1, 0)", "sd = np.sqrt(s1.var(axis=0) + 1e-5)\n"
     "        hat = (s1 - s1.mean(axis=0)) / sd\n        h1 = np.maximum(hat, 0)"),
    ("G1 = (G2 @ W2.T) * (h1 > 0)", "g = (G2 @ W2.T) * (h1 > 0)\n"
     "        G1 = (g - g.mean(axis=0) - hat * (g * hat).mean(axis=0)) / sd"),
)  # fmt: skip


def test_a_batch_norm_in_one_layer_alone_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"different normalisations \(batch, none\)"):
        watched(tmp_path, by(PLAIN, *NORMALISED_ONCE))
