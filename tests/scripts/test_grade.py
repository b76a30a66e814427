"""`twingrad grade` as a command: what it writes, what it keeps, what it refuses."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from compare.guard import family
from tests.compare.grading.course import COLUMNS, HOSTILE, RIGHT, SLOTS, WRONG, write_course
from tests.support import ROOT

RUBRIC = """
title = "Gradients"
[[quantity]]
name = "W"
points = 4
tensors = ["W"]
[[quantity]]
name = "last b"
points = 2
tensors = ["b3"]
"""

GENEROUS = ["--time-limit", "120"]
"""For machines that others keep busy."""


def write(folder, name, slots):
    (folder / f"{name}.py").write_text(COLUMNS.format(**SLOTS | slots))


@pytest.fixture
def small(tmp_path):
    """A right, a wrong and a hostile submission, one more file, and a rubric."""
    folder = tmp_path / "course"
    folder.mkdir()
    write(folder, "anna", RIGHT["r08"])
    write(folder, "<b>bert</b>".replace("/", "_"), WRONG["w01"])
    write(folder, "carl", {"masked": "l > 1"} | HOSTILE["x07_parent"])
    (folder / "roster.csv").touch()
    (tmp_path / "rubric.toml").write_text(RUBRIC)
    return folder


def test_a_course_is_graded_once(twingrad, small, tmp_path):
    out = tmp_path / "out"
    command = ["grade", small, "--out", out, "--rubric", tmp_path / "rubric.toml", "--jobs", 1]
    status, said, _ = twingrad(*command, *GENEROUS)
    assert status == 0
    assert "1 right, 1 wrong, 1 could not run" in said
    assert "ignored, as they are no submissions: roster.csv" in said
    results = json.loads((out / "results.json").read_text())
    found = {one["name"]: one for one in results["submissions"]}
    assert {name: one["outcome"] for name, one in found.items()} == {
        "anna": "right",
        "<b>bert<_b>": "wrong",
        "carl": "could not run",
    }
    # the mask is missing in layer 1: W of layer 1 is wrong, b of layer 3 right
    assert {name: one["points"] for name, one in found.items()} == {
        "anna": 6,
        "<b>bert<_b>": 2,
        "carl": 0,
    }
    assert "the ReLU of layer 1" in found["<b>bert<_b>"]["reason"]
    assert found["anna"]["used"]["written"] == ["torch"]
    assert found["anna"]["comparisons"] > 100

    with (out / "grades.csv").open() as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert [rows["anna"][key] for key in ("points", "W", "last b")] == ["6", "4", "2"]
    suites = ElementTree.parse(out / "junit.xml").getroot()
    assert {k: suites.get(k) for k in ("tests", "failures", "errors")} == {
        "tests": "6",
        "failures": "1",
        "errors": "2",
    }
    scope = json.loads((out / "gradescope/anna.json").read_text())
    assert (scope["score"], len(scope["tests"])) == (6, 2)
    assert scope["tests"][0]["max_score"] == 4
    pages = sorted(path.read_text() for path in (out / "students").iterdir())
    assert len(pages) == 3
    assert all("<b>bert" not in page for page in [*pages, (out / "index.html").read_text()])

    # nothing is judged again but what has changed, and points follow the rubric
    (small / "carl.py").write_text("def f(:\n")
    (tmp_path / "rubric.toml").write_text(RUBRIC.replace("points = 4", "points = 5"))
    _, said, _ = twingrad(*command, *GENEROUS)
    assert said.count("judged before") == 2
    again = json.loads((out / "results.json").read_text())
    assert again["seed"] == results["seed"]
    assert {one["name"]: one["points"] for one in again["submissions"]} == {
        "anna": 7,
        "<b>bert<_b>": 2,
        "carl": 0,
    }
    assert "SyntaxError" in again["submissions"][2]["reason"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["none"], "no such file or folder"),
        (["."], "no submission in it"),
        (["a.py", "--rubric", "none.toml"], "cannot be read"),
        (["a.py", "--jobs", "0"], "--jobs is 0"),
        (["a.py", "--memory", "1"], "--memory is 1"),
        (["a.py", "--time-limit", "0"], "--time-limit is 0"),
        (["a.py", "--seed", "-1"], "--seed is -1"),
        (["a.py", "--python", "none"], "--python none"),
        (["a.py", "--out", "a.py"], "cannot be written"),
    ],
)
def test_bad_input_is_one_line(twingrad, tmp_path, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    if options[0] == "a.py":
        (tmp_path / "a.py").write_text("x = 1")
    status, _, error = twingrad("grade", *options)
    assert status == 2
    assert said in error
    assert len(error.strip().splitlines()) == 1


def processes_with(words):
    found = []
    for member in family.running():
        path = Path(f"/proc/{member.pid}/cmdline")
        if path.exists() and words.encode() in path.read_bytes():
            found.append(member.name)
    return found


@pytest.mark.slow
def test_an_interrupt_keeps_what_is_done(tmp_path):
    folder, out = tmp_path / "course", tmp_path / "out"
    folder.mkdir()
    write(folder, "a", RIGHT["r01"])
    write(folder, "b", {"inside": "while True: pass"})
    command = [sys.executable, "-m", "scripts.grade", folder, "--out", out, "--jobs", "1"]
    running = subprocess.Popen(
        list(map(str, command)), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    until = time.monotonic() + 300
    while not (out / "records/a.json").exists() and time.monotonic() < until:
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    said, error = running.communicate(timeout=60)
    assert running.returncode == 130, error.decode()
    assert "1 of 2 judged and kept in" in said.decode()
    results = json.loads((out / "results.json").read_text())
    assert [(one["name"], one["outcome"]) for one in results["submissions"]] == [("a", "right")]
    assert processes_with(f"{tmp_path}") == []


@pytest.mark.parametrize(
    ("options", "said"),
    [([], "; the same command continues"),
     (["--overwrite"], "; the same command without --overwrite continues")],
)  # fmt: skip
def test_an_interrupt_says_the_command_that_continues(
    twingrad, tmp_path, monkeypatch, options, said
):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("compare.grading.grading.judge_folder", interrupted)
    folder = tmp_path / "course"
    folder.mkdir()
    write(folder, "a", RIGHT["r01"])
    status, printed, _ = twingrad("grade", str(folder), "--out", str(tmp_path / "out"), *options)
    assert status == 130
    assert f"0 of 1 judged and kept in {tmp_path}/out{said}" in "".join(printed.splitlines())


@pytest.mark.slow
def test_forty_submissions_are_judged_as_they_should_be(tmp_path):
    """Nothing of a hostile one reaches outside or remains."""
    folder, out = tmp_path / "course", tmp_path / "out"
    folder.mkdir()
    reached = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                server.accept()
            except OSError:
                return
            reached.append("network")

    threading.Thread(target=serve, daemon=True).start()
    outside, marker = tmp_path / "outside.txt", "marker_of_forty"
    port = server.getsockname()[1]
    expected = write_course(folder, port=port, outside=outside, marker=marker)
    assert len(expected) == 40
    before = {path: path.read_bytes() for path in folder.rglob("*.py")}
    limits = [*GENEROUS, "--memory", "1000", "--disk", "50"]
    done = subprocess.run(
        [sys.executable, "-m", "scripts.grade", str(folder), "--out", str(out), *limits],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    server.close()
    assert done.returncode == 0, done.stderr
    results = json.loads((out / "results.json").read_text())
    found = {one["name"]: one["outcome"] for one in results["submissions"]}
    isolated = "NOT" not in " ".join(results["isolation"])
    if not isolated:  # then these two reach what they try to, and are judged by their numbers
        expected |= {"x08_network": "wrong", "x12_outside": "wrong"}
    assert found == expected
    assert all(
        (one["points"] == 1) == (one["outcome"] == "right") for one in results["submissions"]
    )
    assert {path: path.read_bytes() for path in folder.rglob("*.py")} == before
    assert processes_with(marker) == []
    if isolated:
        assert reached == []
        assert not outside.exists()
