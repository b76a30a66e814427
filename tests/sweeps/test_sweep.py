"""Whole sweeps on small data: the numbers that they find, and what they refuse."""

import csv
import errno
import json
import math
import multiprocessing
import os
import signal
from dataclasses import replace

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

import manual_impl
from sweeps import run_sweep
from sweeps.space.parsing import parse_space
from sweeps.study.plan import make_plan
from sweeps.study.setup import Setup
from sweeps.study.storage import JOURNAL, open_storage, repair
from sweeps.study.study import SweepStudy
from sweeps.study.trial import Outcome, outcome_of
from tests.sweeps.clouds import PENALTIES, clouds, small
from twingrad import files
from twingrad.dataset import Split
from twingrad.errors import UserError
from twingrad.history import Evaluation
from twingrad.training import Run


def sweep(folder, over=(PENALTIES,), **options):
    options = {"recipe": small(), "trials": 6, "processes": 1, "stack": 4, **options}
    if options.get("sampler") == "grid":
        del options["trials"]
    return run_sweep(list(over), options.pop("data", clouds()), folder=folder, **options)


def test_every_trial_is_the_training_of_its_recipe(tmp_path):
    recipe = small(dtype="float64")
    results = sweep(tmp_path, recipe=recipe)
    assert [row.status for row in results.rows] == ["finished"] * 6
    for row in results.rows:
        alone = manual_impl.train(replace(recipe, penalty=row.parameters["penalty"]), clouds())
        assert row.outcome.validation.accuracy == alone.final["validation"].accuracy
        assert row.outcome.training.cost == pytest.approx(alone.final["training"].cost, rel=1e-9)


def test_the_choice_is_the_best_on_validation_and_only_it_sees_test_data(tmp_path):
    data = clouds()
    results = sweep(tmp_path, ["penalty=0.001,0.3", "initialization=he,1e-4"], sampler="grid")
    accuracies = [row.outcome.validation.accuracy for row in results.rows]
    assert len(set(accuracies)) > 1
    assert results.best.accuracy == max(accuracies)
    chosen = manual_impl.train(
        small(
            penalty=float(results.best.parameters["penalty"]),
            initialization=results.best.parameters["initialization"],
        ),
        data,
    )
    assert results.chosen["test"] == vars(chosen.final["test"])
    assert "test" not in json.dumps([row.as_json() for row in results.rows])
    other = replace(data, test=Split(data.validation.X, data.validation.y))
    again = sweep(tmp_path / "other", ["penalty=0.001,0.3"], sampler="grid", data=other)
    assert again.chosen["test"]["accuracy"] == again.chosen["validation"]["accuracy"]


def test_what_is_written_says_the_same(tmp_path):
    results = sweep(tmp_path, [PENALTIES, "eta_max=log:1e-3:1e-1"])
    written = json.loads((tmp_path / "results.json").read_text())
    assert written == json.loads(json.dumps(results.as_json()))
    assert written["best"]["trial"] == results.best.number
    with (tmp_path / "results.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert lines[0]["trial"] == str(results.best.number)
    found = [float(line["validation accuracy"]) for line in lines]
    assert found == sorted(found, reverse=True)
    page = (tmp_path / "report.html").read_text()
    assert page.count('<div class="plot">') == 5  # history, two slices, curves, coordinates
    assert f"{100 * results.chosen['test']['accuracy']:.2f} %" in page
    assert "http" not in page.replace("http-equiv", "")


def test_the_study_has_the_curve_of_every_trial(tmp_path):
    results = sweep(tmp_path, trials=2)
    for row in results.rows:
        path = tmp_path / f"trials/{row.number}.json"
        history = json.loads(path.read_text())["history"]
        assert row.curve == {e["epoch"]: e["validation"]["accuracy"] for e in history}
        assert len(row.curve) == row.outcome.epochs
    # Optuna reads from the file what the sweep saw in memory
    storage = JournalStorage(JournalFileBackend(str(tmp_path / JOURNAL)))
    trials = optuna.load_study(study_name="sweep", storage=storage).trials
    for row, trial in zip(results.rows, trials, strict=False):
        assert (trial.params, trial.intermediate_values) == (row.parameters, row.curve)
        assert Outcome.from_json(trial.user_attrs["outcome"]) == row.outcome


def test_trials_share_what_is_the_same_for_all(tmp_path):
    space, recipe = parse_space([PENALTIES], small()), small()
    setup = Setup(space, make_plan("random", space, recipe, trials=3), recipe, {"digest": "c0"})
    study = SweepStudy(open_storage(None, tmp_path), "sweep", "me", setup, private=True)
    study.ask(3, lambda recipe: None)
    trials = study.study.get_trials(deepcopy=False)
    assert len({trial.params["penalty"] for trial in trials}) == 3
    assert len({id(trial.distributions) for trial in trials}) == 1


def test_a_diverging_trial_is_recorded_and_disturbs_no_other(tmp_path):
    over = ["eta_max=0.01,1e30,0.02"]
    rows = sweep(tmp_path, over, sampler="grid", recipe=small(normalization="none")).rows
    assert [row.status for row in rows] == ["finished", "diverged", "finished"]
    assert "the cost became" in rows[1].outcome.said
    alone = manual_impl.train(small(normalization="none", eta_max=0.02), clouds())
    assert rows[2].outcome.validation.accuracy == alone.final["validation"].accuracy


def test_a_sweep_whose_trials_all_diverge_chooses_nothing(tmp_path):
    recipe = small(normalization="none", eta_min=1e30, eta_max=1e30)
    results = sweep(tmp_path, trials=2, recipe=recipe)
    assert (results.best, results.chosen) == (None, None)
    assert "No trial has finished" in (tmp_path / "report.html").read_text()


def test_values_that_do_not_go_together_are_said(tmp_path):
    over = ["eta_min=log:1e-4:1e-1", "eta_max=log:1e-4:1e-1"]
    rows = sweep(tmp_path, over, trials=12).rows
    invalid = [row for row in rows if row.parameters["eta_min"] > row.parameters["eta_max"]]
    assert {row.status for row in invalid} == {"invalid"}
    assert {row.status for row in rows if row not in invalid} == {"finished"}


def test_trials_of_other_architectures_and_sizes_are_grouped_apart(tmp_path):
    over = ["hidden=8,6-5", "batch_size=50,25", "dtype=float32,float64"]
    found = sweep(tmp_path, over, sampler="grid", stack=16)
    assert [row.status for row in found.rows] == ["finished"] * 8
    row = found.rows[-1]
    assert row.parameters == {"hidden": "6-5", "batch_size": "25", "dtype": "float64"}
    alone = manual_impl.train(small(hidden=(6, 5), batch_size=25, dtype="float64"), clouds())
    assert row.outcome.training.cost == pytest.approx(alone.final["training"].cost, rel=1e-9)


def test_a_trial_of_every_new_kind_is_its_own_training(tmp_path):
    over = ["normalization=layer,batch-after", "optimizer=adam,nesterov", "dropout=0,0.3"]
    recipe = small(dtype="float64", activation="leaky_relu", smoothing=0.1, schedule="cosine")
    results = sweep(tmp_path, over, sampler="grid", recipe=recipe)
    assert [row.status for row in results.rows] == ["finished"] * 8
    for row in results.rows:
        fields = {**row.parameters, "dropout": float(row.parameters["dropout"])}
        alone = manual_impl.train(replace(recipe, **fields), clouds())
        assert row.outcome.validation.cost == pytest.approx(alone.final["validation"].cost, 1e-9)
        assert row.outcome.training.cost == pytest.approx(alone.final["training"].cost, 1e-9)


@pytest.mark.parametrize("over", ["flip=false,true", "shift=0,2"])
def test_data_that_are_no_images_are_not_augmented(tmp_path, over):
    with pytest.raises(UserError, match="need square images"):
        sweep(tmp_path / "s", [over], sampler="grid")
    assert not (tmp_path / "s").exists()


def evaluated(folder):
    """Whether each epoch of a sweep's trials has a training evaluation."""
    epochs = [
        epoch
        for path in (folder / "trials").glob("*.json")
        for epoch in json.loads(path.read_text())["history"]
    ]
    return {epoch["training"] is not None for epoch in epochs}


def test_the_training_data_are_evaluated_at_the_end_alone(tmp_path):
    results = sweep(tmp_path, trials=2)
    assert evaluated(tmp_path) == {False}
    assert all(row.outcome.training.cost > 0 for row in results.rows)
    assert "there are no training curves" in (tmp_path / "report.html").read_text()


def test_curves_are_kept_in_the_folder_and_go_on_when_it_resumes(tmp_path, monkeypatch):
    def stop(status):
        if status.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(tmp_path, curves=True, on_status=stop)
    with pytest.raises(UserError, match="another --curves, True and not False"):
        sweep(tmp_path, resume=True, curves=False)
    assert len(sweep(tmp_path, resume=True).rows) == 6
    assert evaluated(tmp_path) == {True}
    assert "there are no training curves" not in (tmp_path / "report.html").read_text()


def test_a_sweep_begun_without_curves_cannot_go_on_with_them(tmp_path):
    sweep(tmp_path, trials=1)
    with pytest.raises(UserError, match="another --curves, False and not True"):
        sweep(tmp_path, trials=1, resume=True, curves=True)


def test_a_training_cost_that_is_not_finite_at_the_end_is_no_success():
    fine, broken = Evaluation(1.0, 1.0, 0.5), Evaluation(math.inf, math.inf, 0.1)
    run = Run(small(), [], {"training": broken, "validation": fine, "test": fine}, {}, {})
    assert outcome_of(run).status == "diverged"
    assert outcome_of(run).said == "the cost of the training data is inf at the end"


def test_each_stage_draws_from_the_span_of_the_best(tmp_path):
    results = sweep(tmp_path, sampler="coarse-to-fine", trials=20, stages=3, keep=3)
    assert [row.stage for row in results.rows] == [1] * 10 + [2] * 5 + [3] * 5
    for stage in (1, 2):
        end = [10, 15][stage - 1]
        best = sorted(results.rows[:end], key=lambda row: (-row.accuracy, row.number))[:3]
        axis, before = results.stages[stage][0], results.stages[stage - 1][0]
        span = [row.parameters["penalty"] for row in best]
        assert before.low <= axis.low <= min(span) <= max(span) <= axis.high <= before.high
        assert axis.high < before.high
        drawn = [row.parameters["penalty"] for row in results.rows if row.stage == stage + 1]
        assert axis.low <= min(drawn) <= max(drawn) <= axis.high


def test_tpe_learns_where_networks_learn(tmp_path):
    # below 1e-3 these networks learn nothing; a fifth of the range is above
    over = ["eta_max=log:1e-8:1"]
    results = sweep(tmp_path, over, sampler="tpe", trials=40, recipe=small(eta_min=1e-9))
    late = [row.parameters["eta_max"] for row in results.rows[20:]]
    assert sum(value > 1e-3 for value in late) > 12


def test_pruning_lets_the_best_half_of_a_cycle_go_on(tmp_path):
    over = ["eta_max=1e-4,1e-3,1e-2,1e-1"]
    rows = sweep(tmp_path, over, sampler="grid", prune=2).rows
    assert [row.status for row in rows] == ["pruned", "pruned", "finished", "finished"]
    assert [row.outcome.epochs for row in rows] == [2, 2, 4, 4]
    assert [row.outcome.training is None for row in rows] == [True, True, False, False]
    alone = manual_impl.train(small(eta_max=0.1), clouds())
    assert rows[3].outcome.validation.accuracy == alone.final["validation"].accuracy


@pytest.mark.parametrize(
    ("recipe", "over", "said"),
    [
        ({"half_cycle": 7}, PENALTIES, "cycles that end with an epoch"),
        ({"cycles": 1}, PENALTIES, "at least 2 cycles"),
        ({}, "half_cycle=10,20", "cannot go with --over half_cycle"),
    ],
)
def test_pruning_where_there_is_nothing_to_compare_is_refused(tmp_path, recipe, over, said):
    with pytest.raises(UserError, match=said):
        sweep(tmp_path, [over], recipe=small(**recipe), prune=2)


def test_a_killed_worker_is_replaced_and_its_group_run_again(tmp_path):
    killed = []

    def kill(status):
        if not killed:
            (worker,) = multiprocessing.active_children()
            os.kill(worker.pid, signal.SIGKILL)
            killed.append(worker.pid)

    results = sweep(tmp_path / "a", on_status=kill)
    assert killed
    undisturbed = sweep(tmp_path / "b")
    assert [row.accuracy for row in results.rows] == [row.accuracy for row in undisturbed.rows]


def test_a_group_that_kills_every_worker_ends_the_sweep(tmp_path, monkeypatch):
    monkeypatch.setattr("sweeps.search.OFTEN", 0.0)

    def kill(status):
        for worker in multiprocessing.active_children():  # none until the next one has started
            os.kill(worker.pid, signal.SIGKILL)

    with pytest.raises(UserError, match="3 workers that trained it were killed"):
        sweep(tmp_path, on_status=kill, recipe=small(cycles=40))


def test_resuming_a_finished_sweep_trains_nothing(tmp_path, monkeypatch):
    first = sweep(tmp_path)
    monkeypatch.setattr("manual_impl.train_stacked", None)
    monkeypatch.setattr("manual_impl.train", None)
    again = sweep(tmp_path, resume=True)
    assert again.as_json() == first.as_json()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"over": ["penalty=log:1e-5:1"]}, "another space"),
        ({"data": clouds("c1")}, "another data, c0 and not c1"),
        ({"trials": 7}, "another plan, stages"),
        ({"recipe": small(seed=4)}, "another recipe, seed 3 and not 4"),
        ({"resume": False}, "already holds a sweep"),
        ({"storage": "sqlite:///x.db"}, "is kept in its own folder"),
    ],
)
def test_resuming_as_another_sweep_is_refused(tmp_path, change, said):
    sweep(tmp_path, trials=1)
    with pytest.raises(UserError, match=said):
        sweep(tmp_path, **{"trials": 1, "resume": True, **change})


def test_a_full_disk_ends_the_sweep_and_loses_nothing_that_finished(tmp_path, monkeypatch):
    whole = sweep(tmp_path / "whole")
    write = files.write_whole

    def full(path, content):
        if path.parent.name == "trials" and len(list(path.parent.glob("[0-9]*.json"))) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, content)

    monkeypatch.setattr("sweeps.engine.records.write_whole", full)
    with pytest.raises(UserError, match="the disk is full; everything that ended before is kept"):
        sweep(tmp_path / "part")
    written = json.loads((tmp_path / "part" / "results.json").read_text())
    assert [trial["status"] for trial in written["trials"]].count("finished") == 3
    monkeypatch.setattr("sweeps.engine.records.write_whole", write)
    again = sweep(tmp_path / "part", resume=True)
    assert [row.accuracy for row in again.rows] == [row.accuracy for row in whole.rows]


def test_a_journal_cut_off_in_a_line_loses_that_line_alone(tmp_path):
    path = tmp_path / JOURNAL
    path.write_bytes(b'{"a": 1}\n{"b": 2}\n{"c"')
    repair(path)
    assert path.read_bytes() == b'{"a": 1}\n{"b": 2}\n'


def test_an_interruption_leaves_results_so_far(tmp_path):
    def stop(status):
        if status.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(tmp_path, on_status=stop)
    written = json.loads((tmp_path / "results.json").read_text())
    assert [trial["status"] for trial in written["trials"][:3]] == ["finished"] * 3
    assert written["chosen"] is None
