"""Results are written row by row, so that a million trials need no more memory than ten."""

import csv
import json
import tracemalloc

import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweeps.output.results import Results, write_numbers
from sweeps.space.parsing import parse_space
from sweeps.study.plan import Plan
from sweeps.study.setup import Setup
from sweeps.study.study import Rows
from sweeps.study.trial import Outcome
from twingrad.history import Evaluation
from twingrad.recipe import Recipe

COUNT = 3000


def trial(number: int) -> FrozenTrial:
    accuracy = (number * 37 % COUNT) / COUNT
    evaluation = Evaluation(2.0, 1.5, accuracy)
    outcome = Outcome("finished", 2, evaluation, evaluation, 1.0)
    made = create_trial(
        state=TrialState.COMPLETE,
        value=accuracy,
        params={"penalty": 0.01},
        distributions={"penalty": FloatDistribution(1e-5, 0.1, log=True)},
        user_attrs={"outcome": outcome.as_json(), "owner": "me"},
    )
    made.number = number
    return made


@pytest.fixture
def results():
    space = parse_space(["penalty=log:1e-5:1e-1"], Recipe())
    setup = Setup(space, Plan("random", (COUNT,)), Recipe(), {"digest": "c0"})
    return Results(setup.as_json(), space, [space], Rows([trial(i) for i in range(COUNT)], setup))


def test_writing_takes_a_small_part_of_what_is_written(results, tmp_path):
    tracemalloc.start()
    write_numbers(tmp_path, results)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    written = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert written > 300 * COUNT
    # buffers and garbage of about 300 kB, and two numbers a trial for the order of the CSV;
    # all rows as JSON would take more than is written
    assert peak < written / 2


def test_the_files_have_every_trial_and_the_csv_is_in_order(results, tmp_path):
    write_numbers(tmp_path, results)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.csv", "results.json"]
    assert json.loads((tmp_path / "results.json").read_text()) == results.as_json()
    with (tmp_path / "results.csv").open() as file:
        accuracies = [float(line["validation accuracy"]) for line in csv.DictReader(file)]
    assert accuracies == sorted((i / COUNT for i in range(COUNT)), reverse=True)


def test_rows_are_read_by_index_and_slice(results):
    assert len(results.rows) == COUNT
    assert results.rows[-1].number == COUNT - 1
    assert [row.number for row in results.rows[2:5]] == [2, 3, 4]
    assert results.best.accuracy == (COUNT - 1) / COUNT


def test_a_file_that_cannot_be_written_leaves_the_one_before(results, tmp_path):
    write_numbers(tmp_path, results)
    before = (tmp_path / "results.json").read_text()
    results.rows.trials[-1].user_attrs["outcome"]["seconds"] = float("inf")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_numbers(tmp_path, results)
    assert (tmp_path / "results.json").read_text() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.csv", "results.json"]


def test_links_are_written_through(results, tmp_path):
    folder, elsewhere = tmp_path / "sweep", tmp_path / "elsewhere.json"
    folder.mkdir()
    elsewhere.write_text("old")
    (folder / "results.json").symlink_to(elsewhere)
    write_numbers(folder, results)
    assert (folder / "results.json").is_symlink()
    assert json.loads(elsewhere.read_text()) == results.as_json()
