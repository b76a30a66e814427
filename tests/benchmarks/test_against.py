"""Updates beside those of another tree."""

import json

import pytest

from benchmarks import against
from tests.support import ROOT
from twingrad.errors import UserError


@pytest.fixture
def this_tree_twice(monkeypatch):
    """Stands in for a commit, which a checkout without history does not have."""

    def both(commit):
        return against.pair(ROOT, ROOT)

    monkeypatch.setattr(against, "checkouts", both)


@pytest.mark.slow
def test_a_tree_against_itself_does_the_same_work(this_tree_twice, capsys, tmp_path):
    out = tmp_path / "against.json"
    against.against("HEAD", only="stack of 16 without", rounds=1, json=str(out))
    assert "new / HEAD" in capsys.readouterr().out
    [(name, found)] = json.loads(out.read_text())["figures"].items()
    assert name == "NumPy, stack of 16 without batch norm"
    assert found["largest relative difference of costs"] == 0
    assert found["new / old"]["n"] == 1
    assert found["blas"]["new"] == found["blas"]["old"] != []


def test_a_commit_that_is_not_here_is_refused():
    with pytest.raises(UserError, match="COMMIT is 'nowhere'"), against.checkouts("nowhere"):
        pass


def test_no_such_case_is_refused():
    with pytest.raises(UserError, match="--only is 'fortran'"):
        against.against("HEAD", only="fortran", rounds=1)
