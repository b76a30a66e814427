"""One study in a database, several processes."""

import json

import pytest

from sweeps import run_sweep
from sweeps.study.storage import hide_password
from tests.sweeps.clouds import PENALTIES, clouds, small
from tests.sweeps.processes import postgresql, start
from twingrad.errors import UserError


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def storage(request, tmp_path):
    """Addresses of a database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'study.db'}"
    else:
        with postgresql() as address:
            yield address


def test_two_processes_share_a_study(storage, tmp_path):
    """Together they run every trial once, as one process would, and one evaluates on test data."""
    settings = {
        "sampler": "coarse-to-fine",
        "trials": 12,
        "stages": 2,
        "stack": 2,
        "processes": 1,
        "storage": storage,
        "recipe": {"cycles": 6},
    }
    folders = [tmp_path / name for name in "ab"]
    children = [start(folder=str(folder), **settings) for folder in folders]
    said = [child.communicate(timeout=60) for child in children]
    assert [child.returncode for child in children] == [0, 0], said
    found = [json.loads((folder / "results.json").read_text()) for folder in folders]
    assert [trial["status"] for trial in found[0]["trials"]] == ["finished"] * 12
    assert len({trial["owner"] for trial in found[0]["trials"]}) == 2
    ran = [{path.stem for path in (folder / "trials").glob("[0-9]*.json")} for folder in folders]
    assert ran[0] | ran[1] == {str(number) for number in range(12)}
    assert ran[0] & ran[1] == set()
    assert sum(one["chosen"] is not None for one in found) == 1

    settings["recipe"] = small(cycles=6)
    del settings["storage"]
    alone = run_sweep([PENALTIES], clouds(), folder=tmp_path / "alone", **settings)
    assert [trial["parameters"] for trial in found[0]["trials"]] == [
        dict(row.parameters) for row in alone.rows
    ]
    for folder in folders:  # a password is written nowhere
        assert not any(b":secret@" in path.read_bytes() for path in folder.glob("*.*"))


def test_a_storage_that_holds_another_sweep_is_refused(tmp_path):
    settings = {"recipe": small(), "trials": 1, "processes": 1}
    settings["storage"] = f"sqlite:///{tmp_path / 'study.db'}"
    run_sweep([PENALTIES], clouds(), folder=tmp_path / "a", **settings)
    with pytest.raises(UserError, match="holds a sweep of another space") as refused:
        run_sweep(["alpha=0.8,0.9"], clouds(), folder=tmp_path / "b", **settings)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "b").exists()
    with pytest.raises(UserError, match="holds a sweep of another data"):
        run_sweep([PENALTIES], clouds("c1"), folder=tmp_path / "b", **settings)
    run_sweep(["alpha=0.8,0.9"], clouds(), folder=tmp_path / "b", study="other", **settings)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql+psycopg://me:secret@127.0.0.1:1/none", "failed"),
        ("sqlite:////no/such/folder/study.db", "unable to open"),
        ("nonsense", "is no address"),
        ("nonsense://x", "is no address"),
        ("oracle+nodriver://x", "is no address"),
        ("mysql+pymysql://x", "needs a driver that is not installed"),
    ],
)
def test_a_storage_out_of_reach_is_said_in_one_line(tmp_path, address, said):
    pytest.importorskip("psycopg")
    with pytest.raises(UserError, match=said) as refused:
        run_sweep([PENALTIES], clouds(), folder=tmp_path / "a", recipe=small(), storage=address)
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)
    assert not (tmp_path / "a").exists()


def test_a_password_is_needed_again(tmp_path):
    assert (
        hide_password("postgresql+psycopg://me:pass@host/x") == "postgresql+psycopg://me:***@host/x"
    )
    assert hide_password("postgresql:///x?user=me&password=p&a=b").endswith("=***&a=b")
    assert hide_password("sqlite:///a@b.db") == "sqlite:///a@b.db"
    settings = {"recipe": small(), "trials": 1, "processes": 1, "folder": tmp_path / "a"}
    run_sweep([PENALTIES], clouds(), storage=f"sqlite:///{tmp_path / 's.db'}", **settings)
    file = tmp_path / "a" / "sweep.json"
    kept = json.loads(file.read_text()) | {"storage": "postgresql://me:***@host/x"}
    file.write_text(json.dumps(kept))
    with pytest.raises(UserError, match="needed again, for the password"):
        run_sweep([PENALTIES], clouds(), resume=True, **settings)
    with pytest.raises(UserError, match="is kept in postgresql"):
        run_sweep([PENALTIES], clouds(), resume=True, storage="sqlite:///x.db", **settings)
