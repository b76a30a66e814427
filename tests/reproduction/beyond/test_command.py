"""`twingrad reproduce --only ladder`, from its options to its page, on small images."""

import json
import shutil

import numpy as np
import pytest

from reproduction.beyond.rung import rung
from reproduction.beyond.rung_results import LadderResults
from tests.reproduction.beyond.conftest import TINY


@pytest.fixture
def climb(twingrad, small_images, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("reproduction.beyond.rung.MANY_SEEDS", 2)
    for module in ("reproduce_ladder", "ladder_page"):
        monkeypatch.setattr(f"reproduction.beyond.{module}.LADDER", tiny)

    def call(*arguments):
        words = ("reproduce", "--only", "ladder", "--processes", 1, "--out", tmp_path / "l")
        return twingrad(*words, *arguments)

    return call


@pytest.mark.slow
def test_one_rung_then_all_of_them(climb, tmp_path):
    status, out, err = climb("--row", "start")
    assert (status, err) == (0, "")
    results = LadderResults.load(tmp_path / "l" / "results.json")
    assert list(results.rungs) == ["start", "average", "snapshots"]  # the same trainings
    assert results.waiting == {"dropout": (0, 2), "flips": (0, 2)}
    start = results.rungs["start"]
    assert len(start.test) == 2
    assert start.other_test == pytest.approx([start.test[0]], abs=3)
    assert start.check["verdict"] == "agree"
    page = (tmp_path / "l" / "README.md").read_text()
    assert "- `flips`, Flips: 0 of 2 trainings" in page
    assert f"{np.mean(start.test):.2f} ± " in page
    assert "twingrad train --hidden 7,5" in page
    for figure in ("ladder.png", "best.png"):
        assert (tmp_path / "l" / figure).read_bytes().startswith(b"\x89PNG")

    status, out, err = climb("--resume")
    assert (status, err) == (0, "")
    assert "start, manual" not in out  # nothing is trained again
    results = LadderResults.load(tmp_path / "l" / "results.json")
    assert not results.waiting
    assert results.rungs["start"] == start
    assert set(results.rungs["dropout"].tried) == {"dropout 0.1", "dropout 0.8"}
    others = tmp_path / "l" / "trainings" / "hidden=7-5,dropout=0.8,half_cycle=4"
    assert not (others / "manual-1").exists()  # screened, and not chosen
    assert not (others / "manual-0" / "test.json").exists()


def test_a_test_accuracy_is_measured_once(climb, tmp_path):
    climb("--row", "flips")
    (place,) = (tmp_path / "l" / "trainings").glob("*flip*/manual-0")
    (place / "test.json").write_text(json.dumps({"last": 0.125}))
    climb("--row", "flips", "--resume")
    results = LadderResults.load(tmp_path / "l" / "results.json")
    assert results.rungs["flips"].test[0] == 12.5


def test_results_are_kept_where_the_trainings_are_gone(climb, small_images, tmp_path):
    climb("--row", "flips")
    folder = tmp_path / "l"
    file = folder / "results.json"
    fields = json.loads(file.read_text())
    fields["rungs"]["flips"]["test"] = [12.0, 14.0]
    del fields["rungs"]["flips"]["processor"]
    fields["about"]["environment"]["processor"] = "an abacus"
    shutil.rmtree(folder)
    folder.mkdir()
    file.write_text(json.dumps(fields))

    status, out, err = climb("--row", "flips", "--resume")
    assert (status, err) == (0, "")
    assert "begins" not in out
    climb("--row", "start", "--resume")
    results = LadderResults.load(file)
    assert results.rungs["flips"].test == [12.0, 14.0]
    assert results.processors[1:] == ["an abacus"]
    assert " on an abacus" in (folder / "README.md").read_text()

    small_images.identity["digest"] = "other"
    status, _, err = climb("--row", "flips", "--resume")
    assert status == 2
    assert "is of data of digest d, but these have other" in err
    status, _, err = climb("--row", "flips", "--resume", "--backend", "torch")
    assert status == 2
    assert "its networks were trained with --backend manual" in err


def test_a_result_of_another_recipe_is_not_kept(climb, tmp_path, monkeypatch):
    climb("--row", "flips")
    shutil.rmtree(tmp_path / "l" / "trainings")
    changed = (rung("flips", "Flips", {**TINY, "flip": True, "penalty": 0.01}, against=""),)
    for module in ("reproduce_ladder", "ladder_page"):
        monkeypatch.setattr(f"reproduction.beyond.{module}.LADDER", changed)
    _, out, _ = climb("--row", "flips", "--resume")
    assert "begins: " in out


def test_trainings_of_other_data_are_refused(climb, small_images):
    climb("--row", "flips")
    small_images.identity["digest"] = "other"
    status, _, err = climb("--row", "flips", "--resume")
    assert status == 2
    assert "was trained on data of digest d, but these have other" in err


def test_a_recipe_on_which_the_implementations_disagree_is_not_trained(
    climb, tmp_path, monkeypatch
):
    check = {"verdict": "disagree"}
    monkeypatch.setattr("reproduction.beyond.cross_check.check_recipe", lambda *a: check)
    status, _, err = climb("--row", "start")
    assert status == 2
    assert "the implementations disagree on hidden=7-5" in err
    assert not list((tmp_path / "l" / "trainings").glob("*/manual-*"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--row", "flip"), "--row is 'flip', but there are only: start, dropout"),
        (("--only", "table3"), "--only ladder has a folder of its own"),
        (("--reading", "published"), "--reading is of the published report"),
        (("--processes", "0"), "at least 1"),
    ],
)
def test_bad_input_is_one_line(climb, arguments, words):
    status, _, err = climb(*arguments)
    assert status == 2
    assert words in err
    assert "Traceback" not in err
