"""Given lists of recipes: stacked, spread over processes, resumable."""

import errno
import json
from dataclasses import replace

import numpy as np
import pytest

import manual_impl
from sweeps import run_recipes
from sweeps.engine.execution import Work, run_task
from sweeps.engine.groups import Task, make_groups
from sweeps.engine.records import Records, fingerprint, key_of
from tests.sweeps.clouds import clouds, small
from twingrad import files
from twingrad.dataset import Dataset, Split
from twingrad.errors import UserError
from twingrad.recipe import Recipe
from twingrad.training import Diverged

MIXED = [
    small(dtype="float64", hidden=hidden, normalization=norm, seed=seed, penalty=penalty)
    for hidden, norm in [((8,), "batch"), ((6, 5), "none")]
    for seed, penalty in [(0, 0.1), (0, 0.01), (1, 0.0)]
]


@pytest.mark.parametrize("backend", ["manual", pytest.param("torch", marks=pytest.mark.slow)])
def test_each_is_its_own_training(backend):
    data = clouds()
    runs = {run.recipe: run for run in run_recipes(MIXED, data, backend=backend, processes=2)}
    assert set(runs) == set(MIXED)
    for recipe in MIXED:
        alone = manual_impl.train(recipe, data)
        for name, value in alone.parameters.items():
            np.testing.assert_allclose(runs[recipe].parameters[name], value, rtol=0, atol=1e-9)
        assert runs[recipe].final["test"].accuracy == alone.final["test"].accuracy


def test_workers_map_the_data_from_one_file(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    recipes = [replace(MIXED[0], dtype=dtype) for dtype in ("float32", "float64")]

    def parts(dtype):
        whole = (clouds().training, clouds().validation, clouds().test)
        return [Split(part.X.astype(dtype), part.y) for part in whole]

    def data(recipe):
        return Dataset(*parts(recipe.dtype), 10, clouds().identity)

    runs = run_recipes(recipes, data, processes=1)
    first = next(runs)
    (file,) = tmp_path.glob("twingrad-*/data")
    arrays = [part.X for form in ("float32", "float64") for part in parts(form)]
    assert file.stat().st_size > sum(array.nbytes for array in arrays)
    for run in (first, *runs):
        assert run.final == manual_impl.train(run.recipe, data(run.recipe)).final
    assert list(tmp_path.iterdir()) == []


def test_what_is_in_the_folder_is_not_run_again(tmp_path, monkeypatch):
    data = clouds()
    first = run_recipes(MIXED, data, processes=1, folder=tmp_path, stack=1)
    some = [next(first) for _ in range(2)]
    first.close()
    files_then = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = list(run_recipes(MIXED, data, processes=1, folder=tmp_path))
    assert len(again) == 6
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in files_then} == files_then
    found = {run.recipe: run for run in again}
    for run in some:
        kept = found[run.recipe]
        assert (kept.history, kept.final) == (run.history, run.final)
        for name, value in (run.parameters | run.statistics).items():
            np.testing.assert_array_equal((kept.parameters | kept.statistics)[name], value)
    monkeypatch.setattr("manual_impl.train_stacked", None)
    assert len(list(run_recipes(MIXED, data, processes=1, folder=tmp_path))) == 6


def test_training_curves_are_kept_where_they_were_asked_for(tmp_path):
    def curves(**options):
        (run,) = run_recipes(MIXED[:1], clouds(), processes=1, folder=tmp_path, **options)
        assert all(epoch.validation is not None for epoch in run.history)
        assert run.final["training"].cost > 0
        return [epoch.training for epoch in run.history]

    assert curves() == [None] * 4
    with_them = curves(curves=True)  # trained anew: the folder has none
    assert [one.cost for one in with_them] == pytest.approx(
        [epoch.training.cost for epoch in manual_impl.train(MIXED[0], clouds()).history], rel=1e-9
    )
    assert curves() == with_them


def test_data_prepared_in_another_way_are_other_data(tmp_path):
    data = clouds()
    doubled = Split(2 * data.training.X, data.training.y)
    for one in (data, replace(data, training=doubled)):
        list(run_recipes(MIXED[:1], one, processes=1, folder=tmp_path))
    assert len(list(tmp_path.glob("*.json"))) == 2


def test_one_that_diverges_is_kept_as_such(tmp_path):
    recipes = [small(normalization="none", eta_max=eta) for eta in (0.01, 1e30)]
    for _ in range(2):  # trained, then read
        runs = run_recipes(recipes, clouds(), processes=1, folder=tmp_path)
        outcome = {run.recipe: run for run in runs}
        assert isinstance(outcome[recipes[1]], Diverged)
        assert not np.isfinite(outcome[recipes[1]].cost)
        assert outcome[recipes[0]].final["validation"].accuracy > 0


def test_a_full_disk(tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sweeps.engine.records.write_whole", full)
    with pytest.raises(UserError, match="the disk is full"):
        list(run_recipes(MIXED[:1], clouds(), processes=1, folder=tmp_path))
    assert files.write_whole is not full


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"stack": 0}, "--stack is 0"),
        ({"processes": -1}, "--processes is -1"),
        ({"backend": "jax"}, "--backend is 'jax'"),
        ({"devices": ["cuda"]}, "--device 'cuda' is for --backend torch"),
        ({"recipes": [small(batch_size=600)]}, "only 500 training samples"),
    ],
)
def test_refused(options, said):
    options = {"recipes": MIXED, **options}
    with pytest.raises(UserError, match=said):
        list(run_recipes(options.pop("recipes"), clouds(), **options))


def half(text):
    return text[: len(text) // 2]


def edited(*way):
    """Replace the value at the end of the way; None deletes it."""

    def edit(text):
        fields = inner = json.loads(text)
        *steps, last, value = way
        for step in steps:
            inner = inner[step]
        if value is None:
            del inner[last]
        else:
            inner[last] = value
        return json.dumps(fields)

    return edit


DAMAGES = {
    "half": half,
    "an accuracy that is text": edited("history", 0, "validation", "accuracy", "0.5"),
    "a duration that is text": edited("history", 0, "seconds", "long"),
    "a cost that is text": edited("final", "training", "cost", "low"),
    "no final evaluation": edited("final", "training", None),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_record_is_named(tmp_path, damage):
    list(run_recipes(MIXED[:1], clouds(), processes=1, folder=tmp_path))
    path = tmp_path / f"{key_of(MIXED[0], fingerprint(clouds()), 'manual')}.json"
    path.write_text(damage(path.read_text()))
    with pytest.raises(UserError, match="remove it to run it again"):
        Records(tmp_path, lambda recipe: 500, states=True).load(path.stem)


def test_a_group_forced_together_names_what_differs():
    task = Task(("0", "1"), (small(), small(batch_size=25)))
    with pytest.raises(UserError, match="must have equal batch_size"):
        run_task(task, clouds(), Work("manual", keep_states=True, curves=True), "cpu", print)


def test_groups_fill_the_workers_and_keep_shared_minibatches_together():
    def sizes(recipes, stack, workers):
        named = {str(i): recipe for i, recipe in enumerate(recipes)}
        return [len(task.keys) for task in make_groups(named, lambda _: stack, workers)]

    def sixteen(recipe):
        return 16

    alike = [small(penalty=0.001 * i) for i in range(20)]
    assert sizes(alike, 16, 1) == [10, 10]
    assert sizes(alike, 16, 2) == [10, 10]
    assert sizes(alike[:10], 16, 2) == [5, 5]
    assert sizes([*alike, *alike], 16, 2) == [10, 10, 10, 10]
    assert sizes(alike[:1], 16, 2) == [1]
    seeds = [small(seed=seed, penalty=p) for seed in (1, 2) for p in (0.1, 0.2, 0.3)]
    for task in make_groups({str(i): recipe for i, recipe in enumerate(seeds)}, sixteen, 2):
        assert len({recipe.seed for recipe in task.recipes}) == 1
    assert sizes([small(seed=i) for i in range(5)], 16, 1) == [5]
    own = {"dropout": 0.5}, {"flip": True}  # drawn with the seed, beside the order
    for drawn in own:
        mixed = [small(seed=s, order_seed=0, penalty=p, **drawn) for s in (1, 2) for p in (0.1, 0)]
        for task in make_groups({str(i): recipe for i, recipe in enumerate(mixed)}, sixteen, 1):
            assert len({recipe.seed for recipe in task.recipes}) == 1
    plain = [small(seed=s, order_seed=0, penalty=p) for s in (1, 2) for p in (0.1, 0)]
    assert sizes(plain, 16, 1) == [4]
    longest_first = make_groups({"a": Recipe(hidden=(5,)), "b": Recipe(hidden=(90,))}, sixteen, 2)
    assert [task.keys for task in longest_first] == [("b",), ("a",)]
