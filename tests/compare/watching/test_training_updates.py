"""Updates, learning rates and shared arrays: what the recording of a training shows of them."""

import sys
from pathlib import Path

import pytest

from compare.watching.course.update_findings import shifted_in_vain
from compare.watching.course.verdict import TrainingVerdict
from compare.watching.passes import training
from compare.watching.running import record
from compare.watching.values import Values
from tests.compare.watching.small_programs import (
    BATCH_NORM,
    PLAIN,
    Said,
    by,
    judged,
    with_optimiser,
)

pytestmark = pytest.mark.slow

MOMENTUM = ("v_K = np.zeros_like(K)\n", "        v_K = 0.9 * v_K + dK\n        K -= eta * v_K\n")
NESTEROV = (
    "v_K = np.zeros_like(K)\n",
    "        old_K = v_K\n        v_K = 0.9 * old_K - 0.05 * dK\n"
    "        K += -0.9 * old_K + 1.9 * v_K\n",
)
ADAM = (
    "m_K, v_K = np.zeros_like(K), np.zeros_like(K)\nrate = 0.002\n",
    "        m_K = 0.9 * m_K + 0.1 * dK\n"
    "        v_K = 0.999 * v_K + 0.001 * dK**2\n"
    "        right_K = v_K / (1 - 0.999 ** (t + 1))\n"
    "        K = K - rate * m_K / (1 - 0.9 ** (t + 1)) / (np.sqrt(right_K) + 1e-8)\n",
)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Said:
    return judged(tmp_path_factory.mktemp("plain"), PLAIN)


def test_a_right_training_has_no_finding_and_its_schedule_is_told(plain: Said) -> None:
    assert plain.verdict.findings == []
    assert plain.verdict.facts["optimiser"] == "plain gradient descent"
    assert plain.verdict.facts["learning rate"] == "cyclical, n_s 8, 0.01 to 0.1"
    assert plain.verdict.facts["penalty"] == "lambda 0.01, cost lambda sum ||W||^2"


@pytest.mark.parametrize(
    ("optimiser", "fact"),
    [(MOMENTUM, "momentum 0.9"), (NESTEROV, "Nesterov momentum 0.9"), (ADAM, "Adam 0.9, 0.999")],
)
def test_optimisers_are_told_from_the_changes(
    tmp_path: Path, optimiser: tuple[str, str], fact: str
) -> None:
    said = judged(tmp_path, with_optimiser(PLAIN, *optimiser))
    assert said.failing == []
    assert said.verdict.facts["optimiser"] == fact


def test_a_bias_that_moves_up_its_gradient(tmp_path: Path) -> None:
    text = by(PLAIN, ("b2 -= eta * db2", "b2 += eta * db2"))
    said = judged(tmp_path, text)
    assert said.failing == [("update", "b2 += eta * db2")]
    assert "Update 1 moves b2 up its gradient: by 0.01 times" in said.said


def test_a_bias_that_is_never_updated(tmp_path: Path) -> None:
    said = judged(tmp_path, by(PLAIN, ("        b2 -= eta * db2\n", "")))
    assert said.failing == [("update", "db2 = G2.sum(axis=0)")]
    assert "b2 is the same after 5 updates" in said.said


def test_a_bias_moved_by_the_gradient_of_another(tmp_path: Path) -> None:
    said = judged(tmp_path, by(PLAIN, ("b2 -= eta * db2", "b2 -= eta * db1")))
    assert ("update", "b2 -= eta * db1") in said.failing
    assert "b2 is moved by the gradient of b1 in 5 updates" in said.said


def test_a_weight_updated_before_the_gradient_goes_back_through_it(tmp_path: Path) -> None:
    text = by(
        PLAIN,
        ("        W3 -= eta * dW3\n", ""),
        ("        G2 = (G @ W3.T) * (h2 > 0)\n",
         "        W3 -= 0.05 * dW3\n        back = G @ W3.T\n        G2 = back * (h2 > 0)\n"),
    )  # fmt: skip
    said = judged(tmp_path, text)
    assert ("update", "back = G @ W3.T") in said.failing
    assert "Update 1: the gradient goes back through W3 after its update" in said.said


def test_momentum_with_the_wrong_sign(tmp_path: Path) -> None:
    start, step = MOMENTUM
    text = with_optimiser(PLAIN, start, step.replace("0.9 * v_K + dK", "dK - 0.9 * v_K"))
    said = judged(tmp_path, text)
    assert set(said.failing) <= {("momentum", f"v_{k} = d{k} - 0.9 * v_{k}") for k in names()}
    assert ("momentum", "v_W1 = dW1 - 0.9 * v_W1") in said.failing
    assert "enters with -0.9" in said.said or "enters with -0.4" in said.said


def test_nesterov_with_the_wrong_sign(tmp_path: Path) -> None:
    start, step = NESTEROV
    said = judged(tmp_path, with_optimiser(PLAIN, start, step.replace("-0.9 * old", "0.9 * old")))
    assert ("momentum", "W1 += 0.9 * old_W1 + 1.9 * v_W1") in said.failing
    assert "added instead of subtracted" in said.said


def test_adam_without_the_correction_of_its_second_moment(tmp_path: Path) -> None:
    start, step = ADAM
    text = with_optimiser(PLAIN, start, step.replace("v_K / (1 - 0.999 ** (t + 1))", "v_K"))
    said = judged(tmp_path, text)
    assert [what for what, _ in said.failing] == ["update"]
    assert said.failing[0][1].startswith("right_W")
    assert "the changes fit the program's constant rate of 0.002" in said.said


def test_adam_with_its_factors_swapped(tmp_path: Path) -> None:
    start, step = ADAM
    step = step.replace("0.999", "0.x").replace("0.9 ", "0.999 ").replace("0.x", "0.9")
    step = step.replace("0.1 * dK", "0.001 * dK").replace("0.001 * dK**2", "0.1 * dK**2")
    said = judged(tmp_path, with_optimiser(PLAIN, start, step))
    assert [what for what, _ in said.failing] == ["update"]
    assert "0.999 for the first moment and 0.9 for the second" in said.said


def test_an_update_applied_twice(tmp_path: Path) -> None:
    line = "        W2 -= eta * dW2\n"
    said = judged(tmp_path, by(PLAIN, (line, line + line)))
    assert said.failing == [("update", line.strip())]
    assert "The update of W2 is applied twice" in said.said


def test_adam_with_both_moments_in_one_array(tmp_path: Path) -> None:
    start, step = ADAM
    shared = step.replace("0.999 * v_K", "0.999 * m_K")
    said = judged(tmp_path, with_optimiser(PLAIN, start, shared))
    assert said.failing[0][0] == "reference_shared"
    assert said.failing[0][1].startswith("v_")
    assert "0.0999 g + 0.001 g^2, not 0.001 g^2" in said.said


def test_gradients_that_are_never_set_to_zero(tmp_path: Path) -> None:
    text = by(
        PLAIN,
        ("t = 0\n", "t = 0\ndW2 = np.zeros((5, 5))\n"),
        ("dW2 = h1.T @ G2 + 2 * lam * W2", "dW2 = dW2 + h1.T @ G2 + 2 * lam * W2"),
    )
    said = judged(tmp_path, text)
    assert said.failing == [
        ("gradient_accumulation", "dW2 = dW2 + h1.T @ G2 + 2 * lam * W2"),
    ]
    assert "plus that of update 1" in said.said


def test_a_rising_half_cycle_divided_as_an_integer(tmp_path: Path) -> None:
    text = by(PLAIN, ("(place / n_s if", "(place // n_s if"))
    said = judged(tmp_path, text)
    assert [what for what, _ in said.failing] == ["learning_rate"]
    assert "place // n_s" in said.failing[0][1]
    assert "stays at 0.01 for 8 updates and then jumps to 0.1" in said.said


def test_a_learning_rate_that_is_stale_at_the_end_of_a_cycle(tmp_path: Path) -> None:
    line = "        eta = low + (high - low) * (place / n_s if place < n_s else 2 - place / n_s)\n"
    text = by(PLAIN, (line, "        if t != 16:\n    " + line))
    said = judged(tmp_path, text)
    assert [what for what, _ in said.failing] == ["learning_rate"]
    assert "at t = 16 is 0.02125; the cycle has 0.01 there" in said.said


def test_a_wrong_learning_rate_within_a_cycle(tmp_path: Path) -> None:
    line = "        eta = low + (high - low) * (place / n_s if place < n_s else 2 - place / n_s)\n"
    text = by(
        PLAIN,
        (line, "        before = eta if t else 0\n" + line[:-1] + " if t != 16 else before\n"),
    )
    said = judged(tmp_path, text)
    assert [what for what, _ in said.failing] == ["learning_rate"]
    assert "at t = 16 is 0.02125; the cycle has 0.01 there" in said.said


FALLS = "else 2 - place / n_s)"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("else 1 - place / n_s)", "falls from 0.01 to -0.00125: below 0 updates go uphill"),
        ("else 2.5 - place / n_s)", "the two halves of the cycle do not meet"),
    ],
)
def test_a_cycle_whose_halves_do_not_meet(tmp_path: Path, wrong: str, said: str) -> None:
    got = judged(tmp_path, by(PLAIN, (FALLS, wrong)))
    assert [what for what, _ in got.failing] == ["learning_rate"]
    assert said in got.said


def test_two_biases_that_are_one_array(tmp_path: Path) -> None:
    text = by(PLAIN, ("b2 = np.zeros(5)\n", "b2 = b1\n"))
    said = judged(tmp_path, text)
    assert said.failing == [("reference_shared", "b2 -= eta * db2")]
    assert "b1 and b2 are one array" in said.said


def test_the_best_parameters_kept_by_reference(tmp_path: Path) -> None:
    said = judged(tmp_path, by(PLAIN, ("best_W1 = W1.copy()", "best_W1 = W1")))
    assert said.failing == [("reference_shared", "best_W1 = W1")]


def test_probabilities_overwritten_by_their_gradient(tmp_path: Path) -> None:
    accuracy = "        right = (np.argmax(p, axis=1) == yb).mean()\n        place ="
    text = by(PLAIN, ("        place =", accuracy))
    assert judged(tmp_path, text).failing == []
    text = by(text, ("G = p.copy()", "G = p"), ("        G /= 20\n", "        G = G / 20\n"))
    said = judged(tmp_path, text)
    assert said.failing == [("reference_shared", "right = (np.argmax(p, axis=1) == yb).mean()")]
    assert "The accuracy is 0, counted from p - Y" in said.said


def names() -> tuple[str, ...]:
    return "W1", "b1", "W2", "b2", "W3", "b3"


def test_an_update_that_was_rebuilt_with_fewer_layers_is_passed_over(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(BATCH_NORM)
    values = Values(record(program, interpreter=Path(sys.executable), seconds=30, idle=2).read())
    before, after = training(values)[:2]
    after.found.layers = after.found.layers[1:]
    out = TrainingVerdict()
    shifted_in_vain(values, [before, after], out)
    assert not out.findings


def test_a_buffer_that_holds_nan_until_it_is_filled_is_no_finding(tmp_path: Path) -> None:
    filled = "dW2 = np.full((5, 5), np.nan)\n        dW2[:] = h1.T @ G2 + 2 * lam * W2"
    said = judged(tmp_path, by(PLAIN, ("dW2 = h1.T @ G2 + 2 * lam * W2", filled)))
    assert said.verdict.findings == []


def test_a_training_that_overflows(tmp_path: Path) -> None:
    late = "eta = low + (high - low) * (place / n_s if place < n_s else 2 - place / n_s)"
    text = by(PLAIN, (late, "eta = 0.05 if t < 7 else 1e200"))
    said = judged(tmp_path, text)
    assert [what for what, _ in said.failing] == ["not_finite"]
    assert "values that are not finite (NaN or infinite), and the weights become so" in said.said
