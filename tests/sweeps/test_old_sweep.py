"""A sweep that an earlier version began, when batch norm was a flag of its recipes.

`old_sweep` was written by commit f5de9fd, interrupted after two of five trials over penalty.
"""

import json
import shutil
from pathlib import Path

import pytest

from sweeps import run_sweep
from tests.sweeps.clouds import PENALTIES, clouds, small
from twingrad.errors import UserError

OLD = Path(__file__).with_name("old_sweep")
SETTINGS = {"recipe": small(dtype="float64"), "trials": 5, "processes": 1, "stack": 2}


@pytest.fixture
def old(tmp_path):
    return Path(shutil.copytree(OLD, tmp_path / "old"))


def test_it_resumes(old, tmp_path):
    kept = {path.name: path.read_bytes() for path in (old / "trials").iterdir()}
    assert len(kept) == 2
    results = run_sweep([PENALTIES], clouds(), folder=old, resume=True, **SETTINGS)
    assert [row.status for row in results.rows] == ["finished"] * 5
    assert {name: (old / "trials" / name).read_bytes() for name in kept} == kept
    anew = run_sweep([PENALTIES], clouds(), folder=tmp_path / "new", curves=True, **SETTINGS)
    for before, now in zip(results.rows, anew.rows, strict=True):
        assert before.parameters == now.parameters
        assert before.outcome.training.cost == pytest.approx(now.outcome.training.cost, rel=1e-9)
    trials = [json.loads(path.read_text()) for path in (old / "trials").glob("[0-9]*.json")]
    assert all(epoch["training"] for trial in trials for epoch in trial["history"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"space": ["batch_norm=true,false"]}, "start a new sweep .*give normalization=batch,none"),
        ({"recipe": {"batch_norm": True, "stale_eta": True}}, "has the defect 'stale_eta'"),
        (
            {"recipe": {"batch_norm": False, "hidden": [8]}},
            "another recipe, normalization none and not batch",
        ),
    ],
)
def test_what_cannot_go_on_is_one_line(old, change, said):
    path = old / "sweep.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=rf"sweep\.json.*{said}") as refused:
        run_sweep([PENALTIES], clouds(), folder=old, resume=True, **SETTINGS)
    assert "\n" not in str(refused.value)
