"""Minibatches and standardisation: what the recording of a training shows of them."""

from pathlib import Path

import pytest

from tests.compare.watching.small_programs import PLAIN, by, judged

pytestmark = pytest.mark.slow


def test_minibatches_and_standardisation_of_a_right_training(tmp_path: Path) -> None:
    facts = judged(tmp_path, PLAIN).verdict.facts
    assert facts["minibatches"] == "20 of 200 samples, in random order, each with its own label"
    assert facts["standardisation of the training data"] == (
        "each feature by its own mean and deviation"
    )


def test_samples_shuffled_without_their_labels(tmp_path: Path) -> None:
    said = judged(tmp_path, by(PLAIN, ("y_epoch = y[order]", "y_epoch = y")))
    assert said.failing == [("shuffling", "y_epoch = y")]
    assert "% of the labels in the minibatches are those of their samples" in said.said


def test_labels_taken_in_the_order_of_the_data(tmp_path: Path) -> None:
    line = "Xb, yb = X_epoch[i:i + 20], y_epoch[i:i + 20]"
    text = by(
        PLAIN,
        (line, "Xb, yb = X[order[i:i + 20]], y[i:i + 20]"),
        ("    X_epoch = X[order]\n    y_epoch = y[order]\n", ""),
    )
    said = judged(tmp_path, text)
    assert said.failing == [("shuffling", "Xb, yb = X[order[i:i + 20]], y[i:i + 20]")]
    assert "The labels of update 1 are numbers 0 to 19 of the data" in said.said


def test_samples_that_are_in_no_minibatch_are_a_note(tmp_path: Path) -> None:
    text = by(PLAIN, ("    for i in range(0, 200, 20):", "    for i in range(0, 160, 20):"))
    ordered = by(text, ("    order = rng.permutation(200)", "    order = np.arange(200)"))
    (finding,) = judged(tmp_path, ordered).verdict.findings
    assert not finding.fails
    assert finding.said == "40 of 200 samples were in no minibatch of 3 epochs of 160 samples."


def test_a_sample_with_two_labels(tmp_path: Path) -> None:
    text = by(PLAIN, ("    y_epoch = y[order]", "    y_epoch = y[rng.permutation(200)]"))
    said = judged(tmp_path, text)
    assert [what for what, _ in said.failing] == ["shuffling"]
    assert "Samples and labels are drawn apart" in said.said


def test_indices_used_for_both_are_right(tmp_path: Path) -> None:
    line = "Xb, yb = X_epoch[i:i + 20], y_epoch[i:i + 20]"
    text = by(
        PLAIN,
        (line, "Xb, yb = X[order[i:i + 20]], y[order[i:i + 20]]"),
        ("    X_epoch = X[order]\n    y_epoch = y[order]\n", ""),
    )
    assert judged(tmp_path, text).failing == []


def test_a_permutation_that_is_drawn_and_not_used(tmp_path: Path) -> None:
    line = "Xb, yb = X_epoch[i:i + 20], y_epoch[i:i + 20]"
    text = by(
        PLAIN,
        (line, "Xb, yb = X[i:i + 20], y[i:i + 20]"),
        ("    X_epoch = X[order]\n    y_epoch = y[order]\n", ""),
    )
    said = judged(tmp_path, text)
    assert said.failing == [("shuffling", "order = rng.permutation(200)")]
    assert "A permutation of all 200 samples is drawn" in said.said


def test_no_shuffling_at_all_is_a_fact(tmp_path: Path) -> None:
    text = by(
        PLAIN,
        ("    order = rng.permutation(200)\n    X_epoch = X[order]\n    y_epoch = y[order]\n",
         "    X_epoch = X\n    y_epoch = y\n"),
    )  # fmt: skip
    said = judged(tmp_path, text)
    assert said.failing == []
    assert "in the order of the data" in said.verdict.facts["minibatches"]


def test_a_test_set_standardised_by_its_own_statistics(tmp_path: Path) -> None:
    wrong = "X_test = (X_test - X_test.mean(axis=0)) / X_test.std(axis=0)"
    said = judged(tmp_path, by(PLAIN, ("X_test = (X_test - mean) / std", wrong)))
    assert said.failing == [("standardisation", wrong)]
    assert "X_test (60 samples) is standardised by its own statistics" in said.said


def test_raw_pixels(tmp_path: Path) -> None:
    text = by(
        PLAIN,
        ("X = (X - mean) / std\n", "X = np.round(np.clip(40 * X + 20, 0, 255))\n"),
        ("X_test = (X_test - mean) / std\n", ""),
        ("0.01, 0.1\n", "1e-5, 1e-4\n"),
    )
    said = judged(tmp_path, text)
    assert [what for what, _ in said.failing] == ["standardisation"]
    assert "trained on raw values from 0 to 255" in said.said


def test_means_taken_over_the_features_of_each_sample(tmp_path: Path) -> None:
    wide = by(
        PLAIN,
        ("centres = rng.normal(size=(4, 6))", "centres = rng.normal(size=(4, 80))"),
        ("rng.normal(size=(n, 6))", "rng.normal(size=(n, 80))"),
        ("((6, 5),", "((80, 5),"),
        ("make(60)", "make(200)"),
    )
    assert judged(tmp_path, wide).failing == []
    wrong = by(
        wide,
        ("mean, std = X.mean(axis=0), X.std(axis=0)\n",
         "mean = X.mean(axis=1, keepdims=True)\nstd = X.std(axis=0)\n"),
    )  # fmt: skip
    said = judged(tmp_path, wrong)
    assert said.failing == [("standardisation", "mean = X.mean(axis=1, keepdims=True)")]
    assert "each of the 200 training samples" in said.said
