"""Which Python runs a program; interpreters are small scripts here that say what they are."""

import json
import sys
from pathlib import Path

import pytest

from compare.submissions.interpreter import choose_interpreter
from twingrad.errors import UserError


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A program in a folder without an environment, on a PATH without Python."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    path = tmp_path / "work/homework/mine.py"
    path.parent.mkdir(parents=True)
    path.write_text("import numpy as np\n")
    return path


def fake(path, version=(3, 9, 1), missing=(), reads=True):
    """Something that answers as an interpreter would."""
    path.parent.mkdir(parents=True, exist_ok=True)
    answer = json.dumps([list(version), list(missing), reads])
    path.write_text(f"#!/bin/sh\necho '{answer}'\n")
    path.chmod(0o755)
    return path


def test_without_any_other_it_is_ours(program):
    chosen = choose_interpreter(program)
    assert chosen.path == Path(sys.executable)
    assert chosen.version == tuple(sys.version_info[:3])


def test_the_environment_above_the_program_comes_first(program, tmp_path, monkeypatch):
    fake(tmp_path / "path/python3", (3, 10, 0))
    monkeypatch.setenv("VIRTUAL_ENV", str(fake(tmp_path / "active/bin/python").parents[1]))
    python = fake(tmp_path / "work/.venv/bin/python", (3, 12, 4))
    chosen = choose_interpreter(program)
    assert (chosen.path, chosen.version) == (python, (3, 12, 4))


def test_an_activated_environment_comes_before_the_path(program, tmp_path, monkeypatch):
    fake(tmp_path / "path/python3", (3, 10, 0))
    python = fake(tmp_path / "conda/bin/python")
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path / "conda"))
    assert choose_interpreter(program).path == python


def test_a_python_without_numpy_is_passed_over(program, tmp_path):
    fake(tmp_path / "work/.venv/bin/python", missing=["numpy"])
    python = fake(tmp_path / "path/python3", (3, 10, 0))
    assert choose_interpreter(program).path == python


def test_one_that_has_every_package_is_preferred(program, tmp_path):
    first = fake(tmp_path / "work/.venv/bin/python", missing=["torch"])
    second = fake(tmp_path / "path/python3")
    assert choose_interpreter(program).path == second
    fake(second, missing=["torch"])
    program.write_text("import a_package_that_nobody_has\n")
    assert choose_interpreter(program).path == first


def test_one_that_can_parse_the_program_is_preferred(program, tmp_path):
    fake(tmp_path / "work/.venv/bin/python", reads=False)
    assert choose_interpreter(program).path == Path(sys.executable)


def test_a_broken_environment_is_passed_over(program, tmp_path):
    broken = fake(tmp_path / "work/.venv/bin/python")
    broken.write_text("#!/bin/sh\nexit 1\n")
    assert choose_interpreter(program).path == Path(sys.executable)


def test_the_one_that_was_asked_for_is_taken_whatever_it_lacks(program, tmp_path):
    python = fake(tmp_path / "other/bin/python", missing=["torch"])
    assert choose_interpreter(program, python).path == python
    assert choose_interpreter(program, tmp_path / "other").path == python


@pytest.mark.parametrize(
    ("version", "missing", "words"),
    [((3, 7, 2), (), "it is Python 3.7.2; at least 3.8"), ((3, 9, 1), ["numpy"], "no NumPy")],
)
def test_an_asked_one_that_cannot_do_is_an_error(program, tmp_path, version, missing, words):
    python = fake(tmp_path / "other/bin/python", version, missing)
    with pytest.raises(UserError, match=words):
        choose_interpreter(program, python)


def test_an_asked_one_that_is_none_is_an_error(program, tmp_path):
    with pytest.raises(UserError, match="cannot be run as a Python interpreter"):
        choose_interpreter(program, tmp_path / "nothing")
