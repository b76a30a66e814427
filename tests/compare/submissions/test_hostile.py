"""Code that attacks the process it runs in, or the one above: twingrad goes on and says so."""

from pathlib import Path

import pytest

from compare.guard import family
from compare.submissions import Request, run_code
from tests.compare.grading.course import COLUMNS, SLOTS

PLAIN = Request(hidden=(4,), batch_norm=False, penalty=0.1)
"""One small network."""


@pytest.fixture
def run(tmp_path):
    """Runs the template's code with something put in."""

    def call(**slots):
        path = tmp_path / "mine.py"
        path.write_text(COLUMNS.format(**SLOTS | slots))
        return run_code(path, None, PLAIN)

    return call


def failing(submission):
    return [finding.message for finding in submission.findings if finding.fails]


@pytest.mark.parametrize(
    ("signal", "said"),
    [
        ("SIGTERM", "the code sent SIGTERM to its parent and was ended"),
        ("SIGINT", "the code sent SIGINT to its parent and was ended"),
        ("SIGKILL", "the code ended its parent (SIGKILL) and was ended"),
    ],
)
def test_a_signal_to_the_parent_does_not_reach_twingrad(run, signal, said):
    found = run(inside=f"import os, signal; os.kill(os.getppid(), signal.{signal})")
    assert failing(found) == [said]
    assert found.answers == ()


def test_a_daemon_does_not_outlive_the_check(run):
    words = "marker_of_a_checked_daemon"
    found = run(
        top="import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', "
        f"'import time; {words} = 1; time.sleep(60)'], start_new_session=True)"
    )
    assert len(found.answers) == 2
    left = [Path(f"/proc/{member.pid}/cmdline") for member in family.running()]
    assert not any(words.encode() in path.read_bytes() for path in left if path.exists())


def test_code_that_removes_its_file_and_ends_is_named_by_its_line(run):
    found = run(top="import os\nos.remove(__file__)\nos._exit(3)")
    assert failing(found) == ["the code ended the process with exit status 3: os._exit(3), line 4"]


@pytest.mark.parametrize(
    "change", ["os.remove(__file__)", "sys.stdout = sys.stderr = None", "sys.stdout.close()"]
)
def test_right_code_is_judged_though_it_takes_something_away(run, change):
    found = run(top=f"import os, sys\n{change}")
    assert failing(found) == []
    assert len(found.answers) == 2


def test_a_file_too_deep_to_parse_is_named(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("x = " + "+".join(["1"] * 100_000))
    assert "RecursionError" in failing(run_code(path, None, PLAIN))[0]


def test_choosing_an_interpreter_runs_none_of_the_users_files(run, tmp_path):
    (tmp_path / "json.py").write_text("open('ran.txt', 'w').write('x')\nraise SystemExit(0)\n")
    run(top="x = 1")
    # under the agent, json was imported before the user's folder was on the path
    assert not (tmp_path / "ran.txt").exists()
