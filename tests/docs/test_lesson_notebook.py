"""The lesson notebook: its cells run in order, and the verdicts are what it says."""

import json
import linecache

import pytest

from tests.support import ROOT

NOTEBOOK = json.loads((ROOT / "docs" / "lesson.ipynb").read_text())
CODE = ["".join(c["source"]) for c in NOTEBOOK["cells"] if c["cell_type"] == "code"]


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    """The names that the cells leave, run in a temporary folder."""
    names = {"__name__": "__main__"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("lesson"))
        for number, text in enumerate(CODE, start=1):
            cell = f"<lesson, cell {number}>"  # as a notebook does, so that the text is at hand
            lines = text.splitlines(keepends=True)
            patch.setitem(linecache.cache, cell, (len(text), None, lines, cell))
            exec(compile(text, cell, "exec"), names)
    return names


def test_the_check_names_the_missing_factor_of_the_penalty(lesson):
    wrong = lesson["wrong"]
    assert wrong.verdict == "disagree"
    assert "penalty" in wrong.diagnosis
    assert "<b>Backward pass, first wrong" in wrong._repr_html_()


def test_the_corrected_backward_pass_agrees(lesson):
    assert (lesson["right"].verdict, lesson["right"].diagnosis) == ("agree", "")


def test_watching_names_the_line_of_the_update(lesson):
    training = lesson["training"]
    assert training.verdict == "disagree"
    assert training.first.place.text == "W1 = W1 + eta * dW1"
    assert training.first.what == "update"


def test_the_corrected_training_agrees(lesson):
    assert lesson["trained"].verdict == "agree"
    assert lesson["trained"].compared >= 16  # four gradients of some updates


def test_no_outputs_are_kept():
    assert all(not cell.get("outputs") for cell in NOTEBOOK["cells"])
    assert len(CODE) == 8
