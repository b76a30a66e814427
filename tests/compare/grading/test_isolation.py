"""Which isolation is chosen, and what is said of it."""

import sys
from pathlib import Path

import pytest

from compare.confinement import Isolation
from compare.grading import isolation
from compare.grading.isolation import described, isolation_for
from twingrad.errors import UserError

PYTHON = Path(sys.executable)


@pytest.fixture
def allow(monkeypatch):
    """Lets a trial succeed where a condition holds; runs nothing."""

    def set_up(condition):
        monkeypatch.setattr(isolation, "folders_of", lambda python: ("/opt/python",))
        monkeypatch.setattr(
            isolation, "trial", lambda python, level: "" if condition(level) else "not allowed"
        )

    return set_up


def test_the_strongest_is_taken(allow):
    allow(lambda level: True)
    found = isolation_for(PYTHON)
    assert (found.namespaces, found.shown, found.lacking) == (True, ("/opt/python",), "")
    said = " ".join(described(found))
    assert "no network" in said
    assert "NOT" not in said


def test_without_a_file_system_of_its_own_that_is_said(allow):
    allow(lambda level: level.shown is None)
    found = isolation_for(PYTHON)
    assert (found.namespaces, found.shown, found.lacking) == (True, None, "not allowed")
    said = " ".join(described(found))
    assert "NOT HIDDEN" in said
    assert "More is not possible here: not allowed." in said


def test_without_namespaces_that_is_said(allow, monkeypatch):
    monkeypatch.setattr("os.getuid", lambda: 1000)
    allow(lambda level: not level.namespaces)
    found = isolation_for(PYTHON)
    assert found == Isolation(lacking="not allowed")
    assert described(found)[0].startswith(
        "NOT ISOLATED: a submission can use the network, and read"
    )


def test_root_takes_another_user_where_nothing_else_is_allowed(allow, monkeypatch):
    monkeypatch.setattr("os.getuid", lambda: 0)
    allow(lambda level: not level.namespaces)
    found = isolation_for(PYTHON)
    assert found.user is not None
    assert found.user >= isolation.FREE_USERS
    assert "cannot end or change what is yours" in described(found)[0]


def test_a_python_that_never_runs_is_named(allow):
    allow(lambda level: False)
    with pytest.raises(UserError, match="cannot be run as a Python interpreter with NumPy"):
        isolation_for(PYTHON)


def test_our_own_folder_is_never_shown():
    shown = isolation.folders_of(PYTHON)
    assert shown
    assert str(isolation.ROOT) not in shown
