"""What watching public programs showed: values that mean something else than they seem to."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from compare.reports.watch_report import WatchText
from compare.watching.result import WatchResult
from tests.compare.watching.small_programs import BATCH_NORM, PLAIN
from tests.compare.watching.test_watch import by, watched
from twingrad.errors import UserError

pytestmark = pytest.mark.slow

DOUBLED = (
    "        G[np.arange(20), yb] -= 1\n",
    "        G[np.arange(20), yb] -= 1\n        G *= 2\n",
)


def backward(result: WatchResult) -> list[tuple[str, str]]:
    """Line and first sentence of what is wrong in the backward pass."""
    return [(f.place.text, f.said[0]) for f in result.findings if f.what == "backward" and f.place]


def test_a_factor_that_all_gradients_share_does_not_hide_a_wrong_one(tmp_path: Path) -> None:
    wrong = ("dW3 = h2.T @ G + 2 * lam * W3", "dW3 = h1.T @ G + 2 * lam * W3")
    found = backward(watched(tmp_path, by(PLAIN, DOUBLED, wrong)))
    assert [line for line, _ in found] == ["G *= 2", wrong[1]]
    assert "the gradient of s3 is 40 times what it should be" in found[0][1]
    assert "All gradients have this factor" in found[0][1]
    assert "the gradient of W3" in found[1][1]


def test_a_factor_and_a_sum_over_the_units_are_both_said(tmp_path: Path) -> None:
    number = ("        db2 = G2.sum(axis=0)", "        db2 = G2.sum()")
    found = backward(watched(tmp_path, by(PLAIN, DOUBLED, number)))
    assert len(found) == 2
    assert "It is one number" in found[1][1]


def test_logits_less_their_largest_of_all_do_not_hide_the_bias(tmp_path: Path) -> None:
    softmax = ("s.max(axis=1, keepdims=True)", "s.max()")
    result = watched(tmp_path, by(PLAIN, softmax))
    assert result.verdict == "agree"
    s3 = next(line for line in result.lines if line.text.startswith("s3 ="))
    assert s3.what == ["s3"]


def test_dead_units_explain_nothing(tmp_path: Path) -> None:
    dead = ("h2 = np.maximum(s2, 0)\n        s3", "h2 = np.maximum(s2 - 99, 0)\n        s3")
    zeros = ("b3 = np.zeros(4)\n", "b3 = np.zeros(4)\nvelocity = np.zeros((5, 5))\n")
    with pytest.raises(UserError, match="units are 0 for every sample"):
        watched(tmp_path, by(PLAIN, dead, zeros))


def test_the_mean_of_a_batch_is_not_taken_for_its_bias(tmp_path: Path) -> None:
    result = watched(tmp_path, BATCH_NORM)
    assert result.verdict == "agree"
    mean = next(line for line in result.lines if line.text.startswith("mu = s1.mean"))
    assert mean.what == ["mu1"]


def test_a_gradient_that_is_zero_but_for_rounding_is_called_by_its_name(tmp_path: Path) -> None:
    result = watched(tmp_path, BATCH_NORM)
    zero = next(line for line in result.lines if line.text.startswith("db1 ="))
    assert zero.what == ["dJ/db1, 0 but for rounding"]


def test_normalised_units_of_an_evaluation_are_no_data_set(tmp_path: Path) -> None:
    shared = (
        "def normalised(s, mu, v):\n    hat = (s - mu) / np.sqrt(v + 1e-8)\n    return hat\n\n\n"
    )
    square = (
        ("W1 = rng.normal(size=(6, 8))", shared + "W1 = rng.normal(size=(6, 6))"),
        ("b1 = np.zeros(8)", "b1 = np.zeros(6)"),
        ("gamma = np.ones(8)", "gamma = np.ones(6)"),
        ("\nbeta = np.zeros(8)", "\nbeta = np.zeros(6)"),
        ("W2 = rng.normal(size=(8, 4))", "W2 = rng.normal(size=(6, 4))"),
        ("s_hat = (s1 - mu) / np.sqrt(v + 1e-8)", "s_hat = normalised(s1, mu, v)"),
        (
            "hat = (st - running_mean) / np.sqrt(running_v + 1e-8)",
            "hat = normalised(st, st.mean(axis=0), st.var(axis=0))",
        ),
    )
    result = watched(tmp_path, by(BATCH_NORM, *square))
    assert [f.what for f in result.findings] == ["evaluation"]


def test_a_program_that_asks_for_windows_runs_without(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    windows = "import matplotlib\nmatplotlib.use('TkAgg')\n"
    windows += "import matplotlib.pyplot as plt\nplt.figure()\n"
    assert watched(tmp_path, windows + PLAIN).verdict == "agree"


SQUARED = (
    "        G = p.copy()\n        G[np.arange(20), yb] -= 1\n        G /= 20\n",
    "        D = p - np.eye(4)[yb]\n"
    "        G = 2 * p * (D - (D * p).sum(axis=1, keepdims=True)) / 20\n",
)


def test_the_squared_error_of_probabilities_is_not_judged(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="its cost is the squared error of the probabilities"):
        watched(tmp_path, by(PLAIN, SQUARED))


def test_in_a_pipe_every_line_of_the_table_is_one_row(tmp_path: Path) -> None:
    result = watched(tmp_path, PLAIN)
    file = io.StringIO()
    Console(file=file, width=80).print(WatchText(result), soft_wrap=True)
    printed = file.getvalue().splitlines()
    row = next(line for line in printed if "train.py:50 " in line)
    assert "dW3 = h2.T @ G + 2 * lam * W3" in row
    assert row.endswith("dJ/dW3, with 0.02 W3")


GROWN = (
    (
        "dW3 = h2.T @ G + 2 * lam * W3",
        "dW3 = h2.T @ G\n        dW3 += 2 * lam * dW3",
    ),
    ("dW2 = h1.T @ G2 + 2 * lam * W2", "dW2 = h1.T @ G2\n        dW2 += 2 * lam * dW2"),
    ("dW1 = Xb.T @ G1 + 2 * lam * W1", "dW1 = Xb.T @ G1\n        dW1 += 2 * lam * dW1"),
)


def test_a_penalty_of_the_gradient_itself_is_no_scale(tmp_path: Path) -> None:
    found = backward(watched(tmp_path, by(PLAIN, *GROWN)))
    assert [line for line, _ in found] == ["dW3 += 2 * lam * dW3"]
    assert "the gradient of W3 is 1.02 times what it should be" in found[0][1]


def test_a_step_of_the_weights_alone_is_no_wrong_factor(tmp_path: Path) -> None:
    step = ("W3 -= eta * dW3", "step = 0.9 * dW3\n        W3 -= step")
    result = watched(
        tmp_path, by(PLAIN, step, ("n_s, low, high = 8, 0.01, 0.1", "n_s, low, high = 8, 0.9, 0.9"))
    )
    assert not backward(result)


def test_gamma_may_multiply_after_the_other_terms_of_batch_norm(tmp_path: Path) -> None:
    early = "        g = Gz * gamma\n"
    late = ("dW1 = Xb.T @ gs", "gs = gs * gamma\n        dW1 = Xb.T @ gs")
    start = ("gamma = np.ones(8)", "gamma = np.full(8, 0.2)")
    result = watched(tmp_path, by(BATCH_NORM, (early, "        g = Gz\n"), late, start))
    assert result.verdict == "agree"


SECOND = """
V1 = rng.normal(size=(6, 7)) * 0.6
c1 = np.zeros(7)
V2 = rng.normal(size=(7, 4)) * 0.6
c2 = np.zeros(4)
eta = 0.5
for t in range(12):
    H = np.maximum(X @ V1 + c1, 0)
    q = softmax(H @ V2 + c2)
    D = (q - np.eye(4)[y]) / 200
    dV2 = H.T @ D
    dc2 = D.sum(axis=0)
    D1 = (D @ V2.T) * (H > 0)
    dV1 = X.T @ D1
    dc1 = D1.sum(axis=0)
    V1 = V1 - eta * dV1
    c1 = c1 - eta * dc1
    V2 = V2 - eta * dV2
    c2 = c2 - eta * dc2
"""


def test_a_second_training_by_other_lines_is_judged_too(tmp_path: Path) -> None:
    result = watched(tmp_path, PLAIN + SECOND)
    assert result.verdict == "agree"
    said = "the training of 6-7-4, batches of 200, samples in rows: of it only the first update"
    assert any(line.startswith(said) for line in result.not_checked)
    mask = ("D1 = (D @ V2.T) * (H > 0)", "D1 = (D @ V2.T) * (H > 1)")
    assert [line for line, _ in backward(watched(tmp_path, by(PLAIN + SECOND, mask)))] == [mask[1]]


def test_a_number_set_for_a_second_training_is_no_schedule(tmp_path: Path) -> None:
    result = watched(tmp_path, BATCH_NORM + SECOND)
    assert result.facts["learning rate"] == "constant 0.05"


TINY = """
import numpy as np

W1 = np.array([[0.3, -0.2, 0.5], [0.4, 0.1, -0.6]])
b1 = np.array([0.1, 0.2, 0.3])
W2 = np.array([[0.2, -0.4], [0.6, 0.3], [-0.1, 0.5]])
b2 = np.array([0.05, -0.05])
X = np.array([[0.1, 0.2], [0.3, 0.4]])
Y = np.array([[1, 0], [0, 1]])
s1 = X.dot(W1) + b1
h1 = np.maximum(0, s1)
s2 = h1.dot(W2) + b2
e = np.exp(s2 - np.max(s2, axis=1, keepdims=True))
p = e / np.sum(e, axis=1, keepdims=True)
G = (p - Y) / 2
dW2 = np.dot(h1.T, G)
db2 = np.sum(G, axis=0)
G1 = np.dot(G, W2.T) * (s1 > 0)
dW1 = np.dot(X.T, G1)
db1 = np.sum(G1, axis=0)
W1 -= 0.1 * dW1
b1 -= 0.1 * db1
W2 -= 0.1 * dW2
b2 -= 0.1 * db2
"""


def test_labels_that_are_an_identity_are_no_input(tmp_path: Path) -> None:
    result = watched(tmp_path, TINY)
    assert (result.verdict, result.network.split(",")[0]) == ("agree", "2-3-2")


def test_a_gradient_of_gamma_that_is_one_number_is_said(tmp_path: Path) -> None:
    gamma = ("dgamma = (Gz * s_hat).sum(axis=0)", "dgamma = (Gz * s_hat).sum()")
    found = backward(watched(tmp_path, by(BATCH_NORM, gamma)))
    assert [line for line, _ in found] == [gamma[1]]
    assert "the gradient of gamma1. It is one number" in found[0][1]


def test_one_samples_hidden_units_are_no_gradient_of_a_bias(tmp_path: Path) -> None:
    loop = "        db2 = np.zeros(5)\n        for j in range(20):\n            part = h2[j]\n"
    loop += "            unit = (part > 0) * 1.0\n"
    result = watched(tmp_path, by(PLAIN, ("        db2 = G2.sum(axis=0)\n", loop)))
    (failing,) = [f for f in result.findings if f.fails]
    assert failing.place is not None
    assert failing.place.text == "b2 -= eta * db2"
    assert "its gradient in this line is 0" in failing.said[0]


def test_data_with_many_zeros_are_no_output_of_a_relu(tmp_path: Path) -> None:
    zeros = ("\nX = (X - mean) / std", "\nX = np.maximum((X - mean) / std, 0)")
    result = watched(tmp_path, by(PLAIN, zeros))
    assert (result.verdict, result.network.split(",")[0]) == ("agree", "6-5-5-4")


def test_a_beta_moved_by_the_zero_gradient_of_b_does_not_move(tmp_path: Path) -> None:
    swapped = ("beta = beta - eta * dbeta", "beta = beta - eta * db1")
    result = watched(tmp_path, by(BATCH_NORM, swapped))
    (failing,) = [f for f in result.findings if f.fails]
    assert "beta1 is the same" in failing.said[0]
    assert "its gradient is computed" in failing.said[0]


FULL_BATCH = """
import numpy as np

rng = np.random.default_rng(0)
n = 6000
X = rng.integers(0, 256, (784, n)) / 255.0
Y = rng.integers(0, 10, n)
W1, b1 = rng.random((10, 784)) - 0.5, rng.random((10, 1)) - 0.5
W2, b2 = rng.random((10, 10)) - 0.5, rng.random((10, 1)) - 0.5
for i in range(8):
    Z1 = W1.dot(X) + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2.dot(A1) + b2
    A2 = np.exp(Z2) / np.exp(Z2).sum(axis=0)
    one_hot = np.zeros((n, 10))
    one_hot[np.arange(n), Y] = 1
    dZ2 = A2 - one_hot.T
    dW2 = 1 / n * dZ2.dot(A1.T)
    db2 = 1 / n * dZ2.sum(axis=1, keepdims=True)
    dZ1 = W2.T.dot(dZ2) * (Z1 > 0)
    dW1 = 1 / n * dZ1.dot(X.T)
    db1 = 1 / n * dZ1.sum(axis=1, keepdims=True)
    W1 = W1 - 0.1 * dW1
    b1 = b1 - 0.1 * db1
    W2 = W2 - 0.1 * dW2
    b2 = b2 - 0.1 * db2
"""


def test_a_whole_data_set_of_images_is_recorded_where_it_is_one_batch(tmp_path: Path) -> None:
    result = watched(tmp_path, FULL_BATCH)
    assert result.network.startswith("784-10-10, ")
    assert result.verdict == "agree"


def test_a_number_for_the_gradient_of_a_bias_in_one_large_batch(tmp_path: Path) -> None:
    number = ("1 / n * dZ1.sum(axis=1, keepdims=True)", "1 / n * dZ1.sum()")
    ((line, said), *_) = backward(watched(tmp_path, by(FULL_BATCH, number)))
    assert line == "db1 = 1 / n * dZ1.sum()"
    assert "the gradient of b1. It is one number" in said


def test_hidden_units_are_no_data_where_the_data_are_too_large(tmp_path: Path) -> None:
    many = ("rng.integers(0, 256, (784, n)) / 255.0", "rng.random((784, n))")
    with pytest.raises(UserError, match="an input that changes from update to update"):
        watched(tmp_path, by(FULL_BATCH, many, ("A1 = np.maximum(Z1, 0)", "A1 = Z1 * 1.0")))


def test_a_sigmoid_below_ones_for_a_bias_beside_a_relu(tmp_path: Path) -> None:
    folded = "a2 = 1 / (1 + np.exp(-s2))\n        h2 = np.column_stack([np.ones(20), a2])\n"
    folded += "        s3 = h2 @ V"
    changes = (
        ("h2 = np.maximum(s2, 0)\n        s3 = h2 @ W3 + b3", folded),
        ("n_s, low, high", "V = np.vstack([b3, W3])\nn_s, low, high"),
        ("dW3 = h2.T @ G + 2 * lam * W3", "V -= 0.1 * h2.T @ G\n        dW3 = 0 * W3"),
        ("(G @ W3.T) * (h2 > 0)", "(G @ V[1:].T) * h2[:, 1:] * (1 - h2[:, 1:])"),
    )
    # with 6 inputs they could be 5 hidden units and their ones
    seven = (("(4, 6)", "(4, 7)"), ("size=(n, 6)", "size=(n, 7)"), ("((6, 5)", "((7, 5)"))
    with pytest.raises(UserError, match=r"different activations \(ReLU, sigmoid\)"):
        watched(tmp_path, by(PLAIN, *seven, *changes))


WITHOUT = (
    ("gamma = np.ones(8)\nbeta = np.zeros(8)\n", ""),
    ("z = gamma * s_hat + beta", "z = s_hat * 1.0"),
    ("        dgamma = (Gz * s_hat).sum(axis=0)\n        dbeta = Gz.sum(axis=0)\n", ""),
    ("g = Gz * gamma", "g = Gz"),
    ("        gamma = gamma - eta * dgamma\n        beta = beta - eta * dbeta\n", ""),
    ("zt = gamma * hat + beta", "zt = hat"),
)


def test_a_batch_norm_without_gamma_has_no_gradient_of_it(tmp_path: Path) -> None:
    result = watched(tmp_path, by(BATCH_NORM, *WITHOUT))
    assert result.verdict == "agree"
    assert not any("gamma" in said or "beta" in said for said in result.not_checked)
    assert not any("gamma" in what for line in result.lines for what in line.what)


def test_a_mask_of_the_wrong_array_above_a_batch_norm_without_gamma(tmp_path: Path) -> None:
    mask = ("Gz = (G @ W2.T) * (z > 0)", "Gz = (G @ W2.T) * (s1 > 0)")
    ((line, said),) = backward(watched(tmp_path, by(BATCH_NORM, *WITHOUT, mask)))
    assert line == mask[1]
    assert "gamma" not in said


def test_a_running_mean_in_the_backward_pass_is_named(tmp_path: Path) -> None:
    backward_pass = (
        "gs = (g - g.mean(axis=0) - s_hat * (g * s_hat).mean(axis=0)) / np.sqrt(v + 1e-8)",
        "root = np.sqrt(running_v + 1e-8)\n"
        "        away = s1 - running_mean\n"
        "        dv = -0.5 * (g * away).sum(axis=0) / root**3\n"
        "        gs = g / root + 2 * dv * away / 20 - (g / root).mean(axis=0)",
    )
    ((line, said),) = backward(watched(tmp_path, by(BATCH_NORM, backward_pass)))
    assert line == "away = s1 - running_mean"
    assert "a mean that is not the minibatch's, but running_mean of line" in said


def test_a_gradient_of_a_weight_before_the_way_back_through_batch_norm(tmp_path: Path) -> None:
    early = ("dW1 = Xb.T @ gs", "dW1 = Xb.T @ Gz")
    found = watched(tmp_path, by(BATCH_NORM, early)).findings
    assert [f.place.text for f in found if f.place and f.what == "backward"] == [early[1]]
    assert "taken before batch norm's backward pass" in " ".join(found[0].said)


def test_a_running_mean_that_begins_at_zero_is_an_average(tmp_path: Path) -> None:
    start = ("running_mean = None", "running_mean, running_v = np.zeros(8), np.ones(8)")
    result = watched(tmp_path, by(BATCH_NORM, start, ("if running_mean is None", "if epoch < 0")))
    assert not any(f.fails for f in result.findings)
    assert result.facts["running statistics"] == "momentum 0.9, variance biased"


def test_a_shrunk_variance_is_not_said_of_its_running_average_too(tmp_path: Path) -> None:
    shrunk = ("v = s1.var(axis=0)", "v = s1.var(axis=0) * 19 / 20")
    result = watched(tmp_path, by(BATCH_NORM, shrunk))
    (failing,) = [f for f in result.findings if f.fails]
    assert "the variance is multiplied by (n - 1)/n" in failing.said[0]
    assert failing.place is not None
    wrong = {line.site.line for line in result.lines if line.status == "wrong"}
    assert wrong <= {failing.place.line}
    assert "step:" not in repr(result)


def test_the_data_set_of_the_minibatches_is_the_one_seen_last(tmp_path: Path) -> None:
    part = ("lam = 0.01", "every, y_every = X, y\nX, y = X[:160], y[:160]\nlam = 0.01")
    program = by(PLAIN, part, ("permutation(200)", "permutation(160)"), ("(0, 200,", "(0, 160,"))
    assert watched(tmp_path, program).facts["minibatches"].startswith("20 of 160 samples")


def test_a_minibatch_is_not_the_data_set_that_it_comes_from(tmp_path: Path) -> None:
    program = by(BATCH_NORM, ("Xb, yb = X[batch]", "Xb, yb = 1.0 * X[batch]"))
    assert watched(tmp_path, program).facts["minibatches"].startswith("20 of 200 samples")


def test_a_penalty_is_no_gradient_of_a_weight(tmp_path: Path) -> None:
    changes = (
        ("cost = loss + penalty", "squares = W2 * W2\n        cost = loss + lam * squares.sum()"),
        ("dW2 = h1.T @ G2 + 2 * lam * W2", "dW2 = s1.T @ G2"),
    )
    ((line, said),) = backward(watched(tmp_path, by(PLAIN, *changes)))
    assert line == "dW2 = s1.T @ G2"
    assert "the gradient of W2" in said


def test_an_update_that_is_multiplied_by_the_cost_is_named(tmp_path: Path) -> None:
    steps = [(f"{k} -= eta * d{k}\n", f"{k} -= 0.1 * loss * d{k}\n") for k in ("W1", "b1", "b2")]
    steps += [(f"{k} -= eta * d{k}\n", f"{k} -= 0.1 * loss * d{k}\n") for k in ("W2", "W3", "b3")]
    result = watched(tmp_path, by(PLAIN, *steps))
    (failing,) = [f for f in result.findings if f.fails]
    assert "0.1 times that" in failing.said[0]
    assert result.facts["learning rate"] == "0.1 times the cost of the minibatch"


def test_logits_that_are_normalised_are_named(tmp_path: Path) -> None:
    normalised = "s3 = h2 @ W3 + b3\n        s3 = (s3 - s3.mean(axis=0)) / s3.std(axis=0)"
    with pytest.raises(UserError, match="the softmax is taken of logits that are normalised"):
        watched(tmp_path, by(PLAIN, ("s3 = h2 @ W3 + b3", normalised)))


def test_a_rate_that_falls_with_the_inverse_of_time_is_named(tmp_path: Path) -> None:
    wave = "low + (high - low) * (place / n_s if place < n_s else 2 - place / n_s)"
    result = watched(tmp_path, by(PLAIN, (wave, "0.1 / (1 + 0.01 * t)")))
    assert result.verdict == "agree"
    assert result.facts["learning rate"] == "0.1 / (1 + 0.01 t)"


def test_a_bias_that_moves_below_a_batch_norm(tmp_path: Path) -> None:
    result = watched(tmp_path, by(BATCH_NORM, ("db1 = gs.sum(axis=0)", "db1 = Gz.sum(axis=0)")))
    (failing,) = [f for f in result.findings if f.fails]
    assert failing.place is not None
    assert failing.place.text == "b1 = b1 - eta * db1"
    assert "moves b1 by up to" in failing.said[0]
    assert watched(tmp_path, BATCH_NORM).verdict == "agree"
