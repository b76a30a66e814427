"""`twingrad watch` on small programs: what agrees, what is first wrong, what is said of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import twingrad
from compare.reports.watch_report import page
from compare.watching.lines import identified
from compare.watching.result import WatchResult
from compare.watching.watch import watch
from tests.compare.watching.small_programs import PLAIN, by
from twingrad.errors import UserError

COLUMNS = """
import numpy as np

rng = np.random.default_rng(5)
X = rng.normal(size=(6, 120))
labels = rng.integers(4, size=120)
Y = np.eye(4)[labels].T


class Net:
    def __init__(self, lam):
        self.lam = lam
        self.weights = [rng.normal(size=(5, 6)) * 0.5, rng.normal(size=(4, 5)) * 0.5]
        self.biases = [np.zeros((5, 1)), np.zeros((4, 1))]
        self.gain, self.shift = np.ones((5, 1)), np.zeros((5, 1))

    def run(self, x):
        s = self.weights[0] @ x + self.biases[0]
        mu = s.mean(axis=1, keepdims=True)
        v = s.var(axis=1, keepdims=True)
        hat = (s - mu) / np.sqrt(v + 1e-8)
        z = self.gain * hat + self.shift
        h = np.maximum(z, 0)
        o = self.weights[1] @ h + self.biases[1]
        e = np.exp(o - o.max(axis=0))
        return s, mu, v, hat, h, e / e.sum(axis=0)

    def learn(self, x, y, eta):
        s, mu, v, hat, h, p = self.run(x)
        n = x.shape[1]
        g = p - y
        gW2 = g @ h.T / n + 2 * self.lam * self.weights[1]
        gb2 = g.sum(axis=1, keepdims=True) / n
        g = self.weights[1].T @ g
        g = g * (h > 0)
        ggain = (g * hat).sum(axis=1, keepdims=True) / n
        gshift = g.sum(axis=1, keepdims=True) / n
        g = g * self.gain
        root = np.sqrt(v + 1e-8)
        g = (g - g.mean(axis=1, keepdims=True)
             - hat * (g * hat).mean(axis=1, keepdims=True)) / root
        gW1 = g @ x.T / n + 2 * self.lam * self.weights[0]
        gb1 = g.sum(axis=1, keepdims=True) / n
        self.weights[0] -= eta * gW1
        self.weights[1] -= eta * gW2
        self.biases[0] -= eta * gb1
        self.biases[1] -= eta * gb2
        self.gain -= eta * ggain
        self.shift -= eta * gshift


net = Net(0.01)
for epoch in range(2):
    order = rng.permutation(120)
    for i in range(0, 120, 20):
        part = order[i:i + 20]
        xb, yb = X[:, part], Y[:, part]
        net.learn(xb, yb, 0.1)
"""


def watched(folder: Path, text: str) -> WatchResult:
    program = folder / "train.py"
    program.write_text(text)
    return watch(program, python=Path(sys.executable), seconds=30)


def first_line(result: WatchResult) -> str:
    assert result.first is not None
    assert result.first.place is not None
    return result.first.place.text


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> WatchResult:
    return watched(tmp_path_factory.mktemp("rows"), PLAIN)


@pytest.fixture(scope="module")
def columns(tmp_path_factory: pytest.TempPathFactory) -> WatchResult:
    return watched(tmp_path_factory.mktemp("columns"), COLUMNS)


def test_a_script_with_samples_in_rows_agrees(rows: WatchResult) -> None:
    assert rows.verdict == "agree"
    assert rows.network == "6-5-5-4, batches of 20, samples in rows"
    assert rows.compared >= 2 * 8
    assert identified(list(rows.lines)) >= 0.9


def test_a_class_with_batch_norm_and_samples_in_columns_agrees(columns: WatchResult) -> None:
    assert columns.verdict == "agree"
    assert columns.network == "6-5-4 BN, batches of 20, samples in columns"
    assert columns.judged[0].update.case is not None
    assert columns.judged[0].update.case.network.eps == 1e-8
    assert identified(list(columns.lines)) >= 0.9


def test_lines_say_what_they_are_in_the_derivation(columns: WatchResult) -> None:
    said = {line.text: line for line in columns.lines}
    assert said["g = p - y"].what == ["dJ/ds2 times n = 20"]
    assert said["gW2 = g @ h.T / n + 2 * self.lam * self.weights[1]"].what == [
        "dJ/dW2, with 0.02 W2"
    ]
    assert said["hat = (s - mu) / np.sqrt(v + 1e-8)"].what == ["s_hat1"]
    assert said["root = np.sqrt(v + 1e-8)"].status == "derived"
    assert {line.status for line in columns.lines} <= {"right", "derived"}


def test_that_b_below_batch_norm_was_not_judged_is_said(columns: WatchResult) -> None:
    assert any("gradient of b1: it should be zero but for" in said for said in columns.not_checked)


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("        G2 = (G @ W3.T) * (h2 > 0)", "        G2 = (G @ W3.T) * (h1 > 0)", "ReLU"),
        (
            "        dW2 = h1.T @ G2 + 2 * lam * W2",
            "        dW2 = h1.T @ G2 + lam * W2",
            "penalty",
        ),
        ("        db2 = G2.sum(axis=0)", "        db2 = G2.mean(axis=0)", "b2"),
        ("        G1 = (G2 @ W2.T) * (h1 > 0)", "        G1 = (G2 @ W2) * (h1 > 0)", "to x1"),
        ("        G /= 20", "        G /= 10", "2 times what it should be"),
    ],
)
def test_the_first_wrong_line_of_a_script(
    tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    result = watched(tmp_path, by(PLAIN, (right, wrong)))
    assert result.verdict == "disagree"
    assert first_line(result) == wrong.strip()
    assert said in result.diagnosis


@pytest.mark.parametrize(
    ("right", "wrong", "line", "said"),
    [
        (
            "hat = (s - mu) / np.sqrt(v + 1e-8)",
            "hat = (s - mu) / (np.sqrt(v) + 1e-3)",
            "hat = (s - mu) / (np.sqrt(v) + 1e-3)",
            "eps is added to the root",
        ),
        ("        g = g * self.gain\n", "        g = g * 1\n", "", "gamma"),
        (
            "        g = g * (h > 0)\n",
            "        g = g * (h >= 0)\n",
            "g = g * (h >= 0)",
            "unmasked",
        ),
        (
            "        e = np.exp(o - o.max(axis=0))",
            "        o = np.maximum(o, 0)\n        e = np.exp(o - o.max(axis=0))",
            "o = np.maximum(o, 0)",
            "the softmax is taken of a ReLU of the logits",
        ),
        (
            "        self.biases[1] -= eta * gb2",
            "        self.biases[1] += eta * gb2",
            "self.biases[1] += eta * gb2",
            "b2",
        ),
    ],
)
def test_the_first_wrong_line_of_a_class(
    tmp_path: Path, right: str, wrong: str, line: str, said: str
) -> None:
    result = watched(tmp_path, by(COLUMNS, (right, wrong)))
    assert result.verdict == "disagree"
    assert said in result.diagnosis
    if line:
        assert first_line(result) == line


def test_nothing_above_the_wrong_line_is_marked(tmp_path: Path) -> None:
    wrong = "        G2 = (G @ W3.T) * (h1 > 0)"
    result = watched(tmp_path, by(PLAIN, ("        G2 = (G @ W3.T) * (h2 > 0)", wrong)))
    marked = [line.text for line in result.lines if line.status in ("wrong", "inherits")]
    assert marked[0] == wrong.strip()
    assert "dW2 = h1.T @ G2 + 2 * lam * W2" in marked
    assert "dW3 = h2.T @ G + 2 * lam * W3" not in marked


def test_the_line_of_a_fault_of_the_training_is_not_marked_right(tmp_path: Path) -> None:
    result = watched(tmp_path, PLAIN.replace("2 * lam * W", "lam * W"))
    assert first_line(result) == "dW3 = h2.T @ G + lam * W3"
    wrong = [line.text for line in result.lines if line.status == "wrong"]
    assert wrong == ["dW3 = h2.T @ G + lam * W3"]


def test_the_json_is_that_of_the_design(rows: WatchResult) -> None:
    written = json.loads(json.dumps(rows.as_json()))
    assert written["verdict"] == "agree"
    assert written["compared"] == rows.compared
    assert isinstance(written["not_checked"], list)
    assert all(tensor["max_rel"] < 1e-7 for case in written["cases"] for tensor in case["tensors"])


def test_the_page_escapes_the_program(tmp_path: Path) -> None:
    text = by(PLAIN, ("        G /= 20", "        G /= 10  # <script>"))
    html = page(watched(tmp_path, text))
    assert "G /= 10  # &lt;script&gt;" in html
    assert "<script>" not in html


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "no array was assigned"),
        ("import numpy as np\nx = np.ones((3, 4))\ny = x * 2\n", "no softmax was seen"),
        ("raise ValueError('no data')\n", "no data"),
        ("import sys\nsys.exit('no data')\n", "exit status 1: no data"),
        ("import nothing_of_that_name\n", "needs the package nothing_of_that_name"),
        ("import numpy as np\nnp.load('images.npy')\n", "images.npy"),
    ],
)
def test_a_program_that_shows_no_training_is_bad_input(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        watched(tmp_path, text)


def test_a_notebook_is_named_by_cell(tmp_path: Path) -> None:
    head, loop = PLAIN.split("n_s, low, high", 1)
    cells = ["%matplotlib inline\n" + head, "n_s, low, high" + by(loop, ("G /= 20", "G /= 10"))]
    book = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {"cell_type": "code", "metadata": {}, "outputs": [], "source": text} for text in cells
        ],
    }
    program = tmp_path / "lab.ipynb"
    program.write_text(json.dumps(book))
    result = watch(program, python=Path(sys.executable), seconds=30)
    assert result.first is not None
    assert result.first.place is not None
    assert result.first.place.file.endswith("cell 2")
    assert result.first.place.text == "G /= 10"


def test_the_command_and_the_function_say_the_same(tmp_path: Path) -> None:
    program = tmp_path / "train.py"
    program.write_text(by(PLAIN, ("        G /= 20", "        G /= 10")))
    out = subprocess.run(
        [sys.executable, "-m", "twingrad", "watch", str(program), "--python", sys.executable],
        capture_output=True,
        text=True,
        check=False,
    )
    assert out.returncode == 1
    assert "G /= 10" in out.stdout
    result = twingrad.watch(program, python=sys.executable)
    assert not result.agrees
    assert result.diagnosis.split(". ")[0] in " ".join(out.stdout.split())
