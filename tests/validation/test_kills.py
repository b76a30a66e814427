import json
import random

import pytest

from validation.kept import finished, leftovers, lost, snapshot
from validation.kills import COMMANDS, kill


def write(folder, epochs, /, **summary):
    folder.mkdir()
    (folder / "metrics.jsonl").write_text(epochs)
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


def test_runs_that_differ_in_their_times_alone_are_equal(tmp_path):
    epochs = '{"cost": 1.5, "seconds": 2.0}\n'
    one = snapshot(write(tmp_path / "a", epochs, seconds=1.0, folder="a", ended="after 3 s"))
    other = snapshot(write(tmp_path / "b", epochs, seconds=2.0, folder="b", ended="after 12 s"))
    assert one == other
    epochs = epochs.replace("1.5", "1.5000001")
    assert one != snapshot(write(tmp_path / "c", epochs, ended="after 3 s"))


def test_finished_work_must_stay_and_a_line_that_was_cut_off_need_not(tmp_path):
    folder = write(tmp_path / "run", '{"epoch": 1}\n{"epo')
    had = finished(folder)
    (folder / "metrics.jsonl").write_text('{"epoch": 1}\n{"epoch": 2}\n')
    assert lost(had, folder) == []
    (folder / "metrics.jsonl").write_text('{"epoch": 0}\n')
    assert lost(had, folder) == ["metrics.jsonl"]


def test_temporary_files_are_leftovers(tmp_path):
    folder = write(tmp_path / "run", "")
    (folder / ".summary.json.77").write_text("")
    (folder / "checkpoint.safetensors").write_text("")
    assert sorted(leftovers(folder)) == [".summary.json.77", "checkpoint.safetensors"]


@pytest.mark.slow
def test_a_training_that_is_killed_ends_like_one_that_is_not(tmp_path):
    counts = kill("train", COMMANDS["train"], 1, random.Random(0), tmp_path)
    assert counts.faults == []
    assert (sum(counts.kills.values()), counts.equal) == (1, counts.trials)
