"""Grades as tables and files: nothing that a name or a message holds acts there."""

import csv
import io
import json
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from compare.confinement import Isolation, Limits
from compare.grading import workers
from compare.grading.entries import Entry
from compare.grading.imports import Used
from compare.grading.judged import Compared, Judged, shortened
from compare.grading.judging import Conditions, line
from compare.grading.outputs.pages import overview, student_page
from compare.grading.outputs.results import Grades, as_json, csv_text, gradescope, junit_text
from compare.grading.outputs.table import line as printed
from compare.grading.points import grade
from compare.grading.records import Records
from compare.grading.rubric import Quantity, Rubric
from compare.submissions import Request
from compare.submissions.interpreter import Interpreter

EVIL = "=1+1 <script>alert(1)</script> ]]> \x00\x1b[31m"
RIGHT = Compared("case", "with batch norm", "", {"W1": True, "b1": True})
RUBRIC = Rubric("Title <b>", (Quantity("W", 2.5, ("W",)), Quantity("=b", 1, ("b",))))


@pytest.fixture
def grades():
    right = Compared("case", "without batch norm", "", {"W1": True, "b1": False})
    found = [
        Judged("anna", "a.py", "wrong", EVIL, compared=(right,), used=Used(written=("jax",))),
        Judged(EVIL, "b.py", "could not run", "it hangs", findings=(EVIL,)),
    ]
    graded = [(Entry(one.name, Path("x")), grade(one, RUBRIC)) for one in found]
    return Grades(RUBRIC, 5, ("A sentence.",), tuple(graded), ("c.csv",))


def test_csv_has_no_formulas(grades):
    rows = list(csv.reader(io.StringIO(csv_text(grades))))
    assert rows[0][:7] == ["name", "file", "outcome", "points", "out of", "W", "'=b"]
    assert rows[1][:7] == ["anna", "a.py", "wrong", "2.5", "3.5", "2.5", "0"]
    assert rows[2][0].startswith("'=1+1")
    assert rows[0][7:9] == ["reason", "points lost"]
    assert rows[1][8] == "'=b: the gradient of b1 differs in the case case"
    assert rows[2][8] == ""
    assert rows[1][11] == "jax"


def test_junit_is_xml_with_failures_and_errors(grades):
    root = ElementTree.fromstring(junit_text(grades).partition("\n")[2])
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("4", "1", "2")
    assert (
        root[0][1].find("failure").get("message") == "the gradient of b1 differs in the case case"
    )
    assert root[1][0].find("error").get("message") == "it hangs"


def test_gradescope_gets_scores_and_reasons(grades):
    found = gradescope(grades.graded[0][1])
    assert found["score"] == 2.5
    assert [(t["score"], t["max_score"], t["status"]) for t in found["tests"]] == [
        (2.5, 2.5, "passed"),
        (0.0, 1, "failed"),
    ]
    assert found["output_format"] == "text"
    assert "imports jax" in found["output"]


def test_json_holds_the_seed_and_what_was_isolated(grades):
    found = json.loads(json.dumps(as_json(grades), allow_nan=False))
    assert (found["seed"], found["isolation"], found["out_of"]) == (5, ["A sentence."], 3.5)
    assert found["counts"] == {"right": 0, "wrong": 1, "could not run": 1}
    assert "page" not in found["submissions"][0]


def test_a_right_submission_without_points_says_why():
    rubric = Rubric(conventions=("half penalty",))
    found = Judged("carl", "c.py", "right", compared=(RIGHT,), conventions=("eps",))
    one = (Entry("carl", Path("x")), grade(found, rubric))
    both = Grades(rubric, 5, (), (one,))
    why = "everything compared: the rubric does not allow another eps than 2.2e-16 in batch norm"
    assert one[1].points == 0
    assert one[1].lost == (why,)
    assert why in overview(both)
    assert why in csv_text(both)


@pytest.mark.parametrize(
    ("longest", "expected"),
    [
        (39, "One is wrong. Look at x1.5 and so. End."),
        (38, "One is wrong. Look at x1.5 and so."),
        (30, "One is wrong."),
        (12, "One is..."),
    ],
)
def test_texts_end_with_a_sentence(longest, expected):
    assert shortened("One is wrong. Look at x1.5 and so. End.", longest) == expected


def test_a_reason_is_kept_whole_in_the_files_and_shortened_in_the_terminal():
    reason = line("The mean is wrong. " * 30)
    assert len(reason) == 569
    assert gradescope(grade(Judged("a", "a.py", "wrong", reason), RUBRIC))["output"].endswith(
        reason
    )
    said = printed(Judged("a", "a.py", "wrong", reason), True).plain
    assert said == f"a: wrong: {' '.join(['The mean is wrong.'] * 15)} (judged before)"


def test_pages_escape_everything(grades):
    pages = [overview(grades), *(student_page(grades, graded) for _, graded in grades.graded)]
    assert all("<script>" not in page and "<b>" not in page for page in pages)
    assert "2.5 of 3.5 points" in pages[1]
    assert "anna" not in pages[2]


@pytest.fixture
def conditions():
    python = Interpreter(Path(sys.executable), (3, 11, 0), "named")
    return Conditions(python, Request(seed=3), Limits(), Isolation())


def test_a_record_is_for_one_content_and_one_seed(tmp_path, conditions):
    path = tmp_path / "a.py"
    path.write_text("x = 1")
    entry, records = Entry("a", path), Records(tmp_path / "out")
    judged = Judged("a", "a.py", "right")
    records.keep(entry, conditions, judged)
    assert records.find(entry, conditions) == judged
    other = Conditions(conditions.python, Request(seed=4), conditions.limits, Isolation())
    assert records.find(entry, other) is None
    longer = Conditions(conditions.python, Request(seed=3), Limits(seconds=90), Isolation())
    assert records.find(entry, longer) == judged
    hung = Judged("a", "a.py", "could not run", "it hangs")
    records.keep(entry, conditions, hung)
    assert records.find(entry, conditions) == hung
    assert records.find(entry, longer) is None
    path.write_text("x = 2")
    assert records.find(entry, conditions) is None
    (tmp_path / "out/records/a.json").write_text("[1, 2]")
    assert records.find(entry, conditions) is None


def test_the_seed_is_random_once(tmp_path):
    first = Records(tmp_path / "a").seed(None)
    assert Records(tmp_path / "a").seed(None) == first
    assert Records(tmp_path / "a").seed(7) == 7
    assert Records(tmp_path / "a").seed(None) == 7
    assert Records(tmp_path / "b").seed(None) != first


def test_a_worker_that_is_killed_costs_one_verdict(tmp_path, conditions):
    worker = workers.start(conditions, tmp_path)
    workers.give(worker, Entry("a", tmp_path / "a.py"), conditions)
    worker.process.kill()
    until = time.monotonic() + 60
    while (found := workers.taken(worker)) is None and time.monotonic() < until:
        time.sleep(0.01)
    assert found is not None
    assert (found.outcome, found.reason) == (
        "could not run",
        "the process that judges it was ended",
    )
    assert worker.entry is None
