"""A sweep that was killed goes on without losing a trial that had finished."""

import json
import time
from pathlib import Path

import pytest

from sweeps import run_sweep
from sweeps.engine.records import Records
from sweeps.output.folder import SweepFolder
from tests.sweeps.clouds import PENALTIES, clouds, small
from tests.sweeps.processes import start
from twingrad.errors import UserError

LONG = {"cycles": 60}
"""120 epochs, so that a group is still training when it is killed."""


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["coarse-to-fine", "tpe"])
def test_killed(tmp_path, sampler):
    settings = {"sampler": sampler, "trials": 8, "processes": 1, "stack": 2}
    child = start(folder=str(tmp_path / "a"), recipe=LONG, **settings)
    with child:
        for line in child.stdout:
            if line.startswith("4 trained"):
                break
        else:
            pytest.fail(child.stderr.read())
        child.kill()
    trials = tmp_path / "a" / "trials"
    before = {path.name: path.stat().st_mtime_ns for path in trials.glob("[0-9]*.json")}
    assert 4 <= len(before) < 8

    recipe = small(**LONG)
    again = run_sweep(
        [PENALTIES], clouds(), recipe=recipe, folder=tmp_path / "a", resume=True, **settings
    )
    assert [row.status for row in again.rows] == ["finished"] * 8
    after = {path.name: path.stat().st_mtime_ns for path in trials.glob("[0-9]*.json")}
    assert {name: after[name] for name in before} == before  # none of them ran again
    assert len(after) == 8
    if sampler == "coarse-to-fine":  # TPE may draw others after a kill
        whole = run_sweep([PENALTIES], clouds(), recipe=recipe, folder=tmp_path / "b", **settings)
        assert [(row.parameters, row.accuracy) for row in again.rows] == [
            (row.parameters, row.accuracy) for row in whole.rows
        ]


def test_a_trial_killed_between_its_file_and_the_study_is_told_without_running(
    tmp_path, monkeypatch
):
    settings = {"recipe": small(), "folder": tmp_path, "trials": 2, "processes": 1}

    def interrupt(self, number, outcome):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("sweeps.study.study.SweepStudy.tell", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run_sweep([PENALTIES], clouds(), **settings)
    file = tmp_path / "trials" / "0.json"
    written = file.stat().st_mtime_ns
    results = run_sweep([PENALTIES], clouds(), resume=True, **settings)
    assert [row.status for row in results.rows] == ["finished"] * 2
    assert file.stat().st_mtime_ns == written


def test_workers_end_when_their_parent_is_killed(tmp_path):
    child = start(folder=str(tmp_path), recipe=LONG, trials=2, processes=1, stack=1)
    with child:
        assert child.stdout.readline()
        folder = f"/proc/{child.pid}/task/{child.pid}/children"
        try:
            workers = Path(folder).read_text().split()
        except OSError:
            pytest.skip("this system does not list a process's children")
        child.kill()
    assert workers
    for _ in range(100):
        if not any(running(pid) for pid in workers):
            return
        time.sleep(0.1)
    pytest.fail("a worker outlived its parent by 10 s")


def running(pid):
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_two_processes_cannot_run_one_folder(tmp_path):
    child = start(folder=str(tmp_path), recipe=LONG, trials=2, processes=1, stack=1)
    with child:
        assert child.stdout.readline()
        with pytest.raises(UserError, match="another process is running this sweep"):
            SweepFolder.reopen(tmp_path)
        child.kill()
    SweepFolder.reopen(tmp_path).close()


def test_a_final_choice_that_was_interrupted_is_continued(tmp_path):
    settings = {"recipe": small(), "folder": tmp_path, "trials": 2, "processes": 1}

    def stop(epoch, epochs):
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sweep([PENALTIES], clouds(), on_epoch=stop, **settings)
    assert json.loads((tmp_path / "results.json").read_text())["chosen"] is None
    seen = []
    results = run_sweep(
        [PENALTIES],
        clouds(),
        resume=True,
        on_epoch=lambda epoch, epochs: seen.append(epoch.epoch),
        **settings,
    )
    assert seen == [3, 4]
    assert 0 <= results.chosen["test"]["accuracy"] <= 1


def test_a_stack_interrupted_while_it_is_stored_is_trained_again_as_it_was(tmp_path, monkeypatch):
    settings = {"recipe": small(), "trials": 6, "processes": 1}
    whole = run_sweep([PENALTIES], clouds(), folder=tmp_path / "whole", stack=3, **settings)
    save = Records.save

    def interrupted(self, key, result):
        if key in ("1", "2"):
            raise KeyboardInterrupt
        save(self, key, result)

    with monkeypatch.context() as patched:
        patched.setattr(Records, "save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_sweep([PENALTIES], clouds(), folder=tmp_path / "cut", stack=3, **settings)
    log = tmp_path / "cut" / "trials" / "groups.jsonl"
    # a number for keys, no text, and a line that a kill has cut off
    groups = log.read_bytes() + b"\n[5, 0, []]\n\xef\xff"
    log.write_bytes(groups + b"\n[[")
    trained = []
    monkeypatch.setattr(Records, "save", lambda *args: (trained.append(args[1]), save(*args)))
    again = run_sweep(
        [PENALTIES], clouds(), folder=tmp_path / "cut", stack=1, resume=True, **settings
    )
    assert sorted(trained) == ["1", "2", "3", "4", "5"]
    assert log.read_bytes() == groups + b"\n[["
    for before, now in zip(whole.rows, again.rows, strict=True):  # to the last bit
        assert before.outcome.training == now.outcome.training
        assert before.outcome.validation == now.outcome.validation


def test_a_resumed_sweep_keeps_its_largest_stack(tmp_path):
    settings = {"recipe": small(), "folder": tmp_path, "trials": 4, "processes": 1}
    run_sweep([PENALTIES], clouds(), stack=2, **settings)
    groups = (tmp_path / "trials" / "groups.jsonl").read_text()
    for path in tmp_path.glob("trials/[0-9]*.json"):  # as if it had been killed at once
        path.unlink()
    (tmp_path / "trials" / "groups.jsonl").write_text("")
    (tmp_path / "study.journal").unlink()
    run_sweep([PENALTIES], clouds(), resume=True, **settings)
    again = (tmp_path / "trials" / "groups.jsonl").read_text()
    assert again == groups
    assert [json.loads(line)[0] for line in groups.splitlines()] == [["0", "1"], ["2", "3"]]
