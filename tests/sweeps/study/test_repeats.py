"""Trials that draw the values of another."""

import json

import pytest

from sweeps import run_sweep
from sweeps.output.results import table_of
from tests.sweeps.clouds import clouds, small


def sweep(folder, over, **options):
    options = {"recipe": small(), "trials": 8, "processes": 1, "stack": 4, **options}
    return run_sweep([over], clouds(), folder=folder, **options)


def trained(folder):
    """The numbers of the trials that were trained."""
    return sorted(int(path.stem) for path in (folder / "trials").glob("*.json"))


def firsts(results, field):
    """The first trial of every value."""
    found = {}
    for row in results.rows:
        found.setdefault(row.parameters[field], row)
    return found


@pytest.mark.parametrize("sampler", ["random", "tpe", "coarse-to-fine"])
def test_of_equal_trials_one_is_trained(tmp_path, sampler):
    results = sweep(tmp_path, "penalty=0.001,0.3", sampler=sampler)
    first = firsts(results, "penalty")
    assert trained(tmp_path) == sorted(row.number for row in first.values())
    for row in results.rows:
        trained_one = first[row.parameters["penalty"]]
        assert (row.status, row.accuracy) == ("finished", trained_one.accuracy)
        if row.number != trained_one.number:
            assert row.outcome.repeats == trained_one.number
            assert row.outcome.seconds == 0
            assert row.outcome.said == f"repeats trial {trained_one.number}"
            assert row.outcome.said in (tmp_path / "report.html").read_text()


def test_the_table_has_every_setting_once(tmp_path):
    results = sweep(tmp_path, "penalty=0.001,0.3")
    _, body = table_of(results, 10)
    assert sorted(line[1][0] for line in body) == ["0.001", "0.3"]
    assert results.counts == "2 finished, 6 repeated"


def test_what_repeats_a_trial_that_diverged_has_diverged(tmp_path):
    recipe = small(normalization="none")
    results = sweep(tmp_path, "eta_max=0.01,1e30", recipe=recipe)
    rows = [row for row in results.rows if row.parameters["eta_max"] == "1e30"]
    assert len(rows) > 1
    assert {row.status for row in rows} == {"diverged"}
    assert "the cost became" in rows[-1].outcome.said


def test_what_repeats_a_pruned_trial_is_pruned(tmp_path):
    results = sweep(tmp_path, "eta_max=1e-4,1e-1", prune=2)
    status = {"1e-1": "finished", "1e-4": "pruned"}
    assert [row.status for row in results.rows] == [
        status[row.parameters["eta_max"]] for row in results.rows
    ]
    assert len(results.rows) > len(trained(tmp_path)) == 1  # a pruned trial leaves no curves


def test_a_resumed_sweep_knows_what_was_trained_before(tmp_path):
    def stop(status):
        if status.done:
            raise KeyboardInterrupt

    options = {"trials": 12, "stack": 1, "sampler": "tpe"}
    with pytest.raises(KeyboardInterrupt):
        sweep(tmp_path, "penalty=0.001,0.3", on_status=stop, **options)
    before = trained(tmp_path)
    assert len(before) == 1
    results = sweep(tmp_path, "penalty=0.001,0.3", resume=True, **options)
    assert [row.status for row in results.rows] == ["finished"] * 12
    first = firsts(results, "penalty")
    assert trained(tmp_path) == sorted(row.number for row in first.values())
    assert json.loads((tmp_path / "results.json").read_text())["trials"][-1]["repeats"] is not None


def test_the_best_that_span_the_next_stage_are_distinct(tmp_path):
    results = sweep(tmp_path, "hidden=4,5,6", sampler="coarse-to-fine", trials=20, stages=2, keep=2)
    (axis,) = results.stages[1]
    assert len(axis.labels) == 2
