"""`twingrad reproduce` from its options to its pages, on small data."""

import json
from dataclasses import replace
from functools import partial

import pytest

from reproduction.results import Results


@pytest.fixture
def reproduce(twingrad, small_data, tmp_path, monkeypatch):
    monkeypatch.setattr("reproduction.pages.writing.gradient_checks", list)
    monkeypatch.setattr("reproduction.pages.writing.save_figures", lambda results, folder: [])
    two_epochs = partial(replace, epochs=2)
    monkeypatch.setattr("reproduction.published.cells.trained", lambda one, _: two_epochs(one))

    def call(*arguments):
        seeds = () if "--quick" in arguments else ("--seeds", 2)
        return twingrad("reproduce", "--processes", 1, *seeds, "--out", tmp_path / "r", *arguments)

    return call


def test_a_table_in_both_readings_and_by_both_backends(reproduce, tmp_path):
    status, _, err = reproduce("--only", "table3")
    assert (status, err) == (0, "")
    results = Results.load(tmp_path / "r" / "results.json")
    assert len(results.cells) == 3 * 2 * (2 + 1)
    trained = results.of("table3", "He", "published")
    assert [one.recipe.seed for one in trained] == [0, 1]
    assert [len(one.curves["training"]["cost"]) for one in trained] == [2, 2]
    (other,) = results.of("table3", "He", "published", "torch")
    # after 8 updates in float32 rounding has not parted the two
    assert other.end("training", "cost") == pytest.approx(trained[0].end("training", "cost"), 1e-4)
    page = (tmp_path / "r" / "README.md").read_text()
    assert "| He | 53.48 |" in page
    assert "twingrad train --hidden 100,50 --normalization none" in page
    assert "twingrad reproduce --only table3 --row He --reading published --seed 0" in page


def test_quick_trains_one_seed_and_judges_nothing(reproduce, tmp_path):
    status, out, err = reproduce("--only", "table3", "--quick")
    assert (status, err) == (0, "")
    results = Results.load(tmp_path / "r" / "results.json")
    assert [one.recipe.seed for one in results.of("table3", "He", "published")] == [0]
    assert "two epochs of each training, from which nothing can be concluded" in out
    page = (tmp_path / "r" / "README.md").read_text()
    assert "53.48" not in page
    assert "took " in out


def test_readings_train_apart(reproduce, tmp_path):
    reproduce("--only", "table3")
    results = Results.load(tmp_path / "r" / "results.json")
    costs = {
        reading: results.of("table3", "He", reading)[0].end("training", "cost")
        for reading in ("specified", "published")
    }
    assert costs["published"] > costs["specified"] + 1e-4


def test_what_is_there_is_not_trained_again(reproduce, tmp_path, monkeypatch):
    assert reproduce("--only", "three-cycles")[0] == 0
    before = (tmp_path / "r" / "results.json").read_text()

    def fail(*arguments, **options):
        raise AssertionError("trained again")

    monkeypatch.setattr("sweeps.engine.recipes.Local", fail)
    assert reproduce("--only", "three-cycles", "--resume")[0] == 0
    after = (tmp_path / "r" / "results.json").read_text()
    assert json.loads(after)["runs"] == json.loads(before)["runs"]


def test_seeds_can_be_added(reproduce, tmp_path):
    reproduce("--only", "three-cycles")
    reproduce("--only", "three-cycles", "--resume", "--seeds", 3)
    results = Results.load(tmp_path / "r" / "results.json")
    assert [t.recipe.seed for t in results.of("three-cycles", "3 cycles", "published")] == [0, 1, 2]


def test_a_folder_with_something_in_it_is_not_taken(reproduce, tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "mine.txt").write_text("mine")
    status, _, err = reproduce("--only", "three-cycles")
    assert (status, err.count("\n")) == (2, 1)
    assert "holds no reproduction; name another folder" in err


def test_a_reproduction_is_not_run_over(reproduce, tmp_path):
    reproduce("--only", "three-cycles")
    status, _, err = reproduce("--only", "three-cycles")
    assert (status, err.count("\n")) == (2, 1)
    assert "continue with --resume, replace with --overwrite" in err


def test_overwrite_of_another_folder_removes_nothing(reproduce, tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "README.md").write_text("mine")
    assert reproduce("--only", "three-cycles", "--overwrite")[0] == 2
    assert (tmp_path / "r" / "README.md").read_text() == "mine"


def test_a_missing_device_is_said_before_anything_is_trained(reproduce, tmp_path):
    status, _, err = reproduce("--only", "table3", "--device", "cuda:7")
    assert (status, err.count("\n")) == (2, 1)
    assert not (tmp_path / "r").exists()


def test_damaged_seconds_are_unknown(reproduce, tmp_path):
    reproduce("--only", "three-cycles")
    (tmp_path / "r" / "seconds.json").write_text("garbage")
    assert reproduce("--only", "three-cycles", "--resume")[0] == 0


def test_what_cannot_be_written_ends_in_a_line(reproduce, tmp_path):
    reproduce("--only", "three-cycles")
    (tmp_path / "r" / "README.md").unlink()
    (tmp_path / "r" / "README.md").mkdir()
    status, _, err = reproduce("--only", "three-cycles", "--resume")
    assert (status, err.count("\n")) == (2, 1)


def test_overwrite_removes_a_reproduction_and_nothing_else(reproduce, tmp_path):
    reproduce("--only", "three-cycles")
    (tmp_path / "r" / "mine.txt").write_text("mine")
    trainings = set((tmp_path / "r" / "trainings").glob("*.json"))
    assert reproduce("--only", "two-layers", "--overwrite")[0] == 0
    assert (tmp_path / "r" / "mine.txt").read_text() == "mine"
    assert trainings
    assert not trainings & set((tmp_path / "r" / "trainings").glob("*.json"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--only", "table9"], "--only is 'table9', but expected one of: baselines"),
        (["--backend", "jax"], "--backend is 'jax', but expected manual or torch"),
        (["--resume", "--overwrite"], "--resume keeps existing files and --overwrite removes them"),
        (["--stack", "0"], "--stack is 0, but expected at least 1"),
        (["--device", "tpu"], "--device is 'tpu', but expected cpu, cuda or cuda:N"),
    ],
)
def test_bad_options_end_in_a_line(reproduce, options, said):
    status, _, err = reproduce("--only", "three-cycles", *options)[0:3]
    assert status == 2
    assert said in err
    assert err.count("\n") == 1


def test_json_for_machines(reproduce):
    status, out, _ = reproduce("--only", "table3", "--json", "-")
    assert status == 0
    judged = json.loads(out)["test_accuracies"]["published"]
    assert [(one["row"], one["published"], one["n"]) for one in judged] == [
        ("sigma .01", 53.12, 2),
        ("He", 53.48, 2),
        ("Xavier", 53.92, 2),
    ]
