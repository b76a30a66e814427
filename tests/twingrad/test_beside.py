"""twingrad beside modules of the user that have the names of its packages."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.support import ROOT

NAMES = ("common", "compare", "scripts", "sweeps", "utils")

SCRIPT = """
import compare
import twingrad
import mine
result = twingrad.check(forward=mine.forward, backward=mine.backward)
print(result.verdict)
print(twingrad.load_backend("manual").__name__)
import scripts
print(compare.whose, scripts.whose)
"""


@pytest.fixture
def folder(tmp_path):
    """A user's folder."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(f"whose = 'the user, {name}'\n")
    shutil.copy(ROOT / "docs/examples/mine.py", tmp_path)
    return tmp_path


def python(folder, *arguments):
    """Runs Python in the folder, with our packages last on its path."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_a_script_s_modules_and_ours_are_told_apart(folder):
    (folder / "script.py").write_text(SCRIPT)
    status, lines = python(folder, "script.py")
    assert status == 0
    assert lines == [
        "disagree",
        "twingrad.beside.manual_impl",
        "the user, compare the user, scripts",
    ]


def test_python_m_twingrad_takes_no_module_of_the_working_directory(folder):
    for name in NAMES:
        (folder / f"{name}.py").write_text("raise SystemExit('imported')")
    status, lines = python(folder, "-m", "twingrad", "check", "--code", "mine.py")
    assert (status, lines[-1]) == (1, "verdict: disagree")


def test_without_such_modules_nothing_is_loaded_apart(tmp_path):
    code = "import twingrad; print(twingrad.load_backend('manual').__name__)"
    assert python(tmp_path, "-c", code) == (0, ["manual_impl"])
