"""Running statistics and evaluation with batch norm, as the recording of a training shows them."""

from pathlib import Path

import pytest

from tests.compare.watching.small_programs import BATCH_NORM, by, judged

pytestmark = pytest.mark.slow


def test_a_right_training_with_batch_norm(tmp_path: Path) -> None:
    said = judged(tmp_path, BATCH_NORM)
    assert said.verdict.findings == []
    assert said.verdict.facts["running statistics"] == "momentum 0.9, variance biased"
    assert said.verdict.facts["evaluation"] == "with running statistics"


def test_an_unbiased_running_variance_is_a_convention(tmp_path: Path) -> None:
    text = by(BATCH_NORM, ("0.1 * v\n", "0.1 * v * 20 / 19\n"))
    said = judged(tmp_path, text)
    assert said.failing == []
    assert said.verdict.facts["running statistics"] == "momentum 0.9, variance unbiased"


def test_a_running_mean_with_its_weights_swapped(tmp_path: Path) -> None:
    wrong = "running_mean = 0.1 * running_mean + 0.9 * mu"
    text = by(BATCH_NORM, ("running_mean = 0.9 * running_mean + 0.1 * mu", wrong))
    said = judged(tmp_path, text)
    assert said.failing == [("running_statistics", wrong)]
    assert "the running mean is 0.1 old + 0.9 new" in said.said


@pytest.mark.parametrize(
    ("right", "wrong", "fragment"),
    [
        ("0.1 * v\n", "0.1 * np.sqrt(v)\n", "of deviations, not variances"),
        ("0.9 * running_mean + 0.1 * mu", "0.9 * running_mean + mu", "weights add up to 1.9"),
    ],
)
def test_running_statistics_that_average_the_wrong_thing(
    tmp_path: Path, right: str, wrong: str, fragment: str
) -> None:
    said = judged(tmp_path, by(BATCH_NORM, (right, wrong)))
    assert [what for what, _ in said.failing] == ["running_statistics"]
    assert wrong.strip() in said.failing[0][1]
    assert fragment in said.said


def test_batch_statistics_used_for_the_test(tmp_path: Path) -> None:
    wrong = "hat = (st - st.mean(axis=0)) / np.sqrt(st.var(axis=0) + 1e-8)"
    right = "hat = (st - running_mean) / np.sqrt(running_v + 1e-8)"
    said = judged(tmp_path, by(BATCH_NORM, (right, wrong)))
    assert said.failing == [("evaluation", wrong)]
    assert "The evaluation of 60 samples normalises them with their own" in said.said
