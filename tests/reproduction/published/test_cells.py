"""The table of experiments, and what it trains."""

import shlex
from dataclasses import replace

import pytest

from reproduction.pages.bands import published_figures
from reproduction.published.cells import (
    Cell,
    Choice,
    cells_of,
    cells_of_both,
    chosen,
    recipe_of_row,
)
from reproduction.published.commands import command_of
from reproduction.published.defects import Defects
from reproduction.published.experiments import EXPERIMENTS
from reproduction.published.report import LAMBDAS, SEARCH, TABLE_3
from reproduction.results import Results
from twingrad.errors import UserError
from twingrad.recipe import Recipe
from twingrad.run_folder import RunFolder


def recipe(key, label, reading, seed=0):
    (experiment,) = chosen([key])
    (row,) = [row for row in experiment.rows if row.label == label]
    return recipe_of_row(experiment, row, reading, seed)


def test_as_specified_has_no_defect():
    cells = cells_of(chosen(["table3", "table4", "baselines"]), seeds=2, backend="manual")
    specified = [cell.recipe for cell in cells if cell.reading == "specified"]
    assert len(specified) == 20
    assert {type(one) for one in specified} == {Recipe}


@pytest.mark.parametrize(("key", "without"), [("table3", True), ("table4", False)])
def test_as_published_leaves_w1_unpenalised_without_batch_norm_alone(key, without):
    found = recipe(key, "He", "published")
    assert found.defects == Defects(without, True, True, True)


def test_the_published_baseline_without_batch_norm_starts_from_xavier():
    starts = [
        recipe("baselines", label, reading).initialization
        for label in ("3 layers, no BN", "3 layers, BN")
        for reading in ("published", "specified")
    ]
    assert starts == ["xavier", "he", "he", "he"]


def test_a_row_as_the_report_has_it():
    assert recipe("table5", "1e-3 to 1e-1, no BN", "specified", seed=4) == Recipe(
        hidden=(100, 50), normalization="none", penalty=0.0051, eta_min=1e-3, eta_max=1e-1, seed=4
    )


def test_every_cell_is_trained_once_in_each_reading_with_each_seed():
    cells = cells_of([TABLE_3], seeds=3, backend="manual")
    assert len({(c.row, c.reading, c.seed) for c in cells}) == len(cells) == 3 * 2 * 3


def test_a_network_of_several_tables_is_one_training():
    cells = cells_of(chosen([]), seeds=1, backend="manual")
    he = [
        cell
        for cell in cells
        if cell.recipe == recipe("table4", "He", "published") and cell.reading == "published"
    ]
    assert {cell.experiment for cell in he} == {"best", "table4", "table5"}


def test_the_other_backend_trains_the_first_seed():
    cells = cells_of_both([TABLE_3, SEARCH], seeds=3, backend="torch")
    other = [cell for cell in cells if cell.backend == "manual"]
    assert {(cell.experiment, cell.seed) for cell in other} == {("table3", 0)}
    assert len(other) == 6


def test_quick_is_two_epochs():
    cells = cells_of(chosen(["two-layers"]), seeds=1, backend="manual", quick=True)
    assert {cell.recipe.epochs for cell in cells} == {2}


def test_the_search_draws_within_its_ranges():
    for searched, _, _ in LAMBDAS:
        low, high = map(float, searched.split(".."))
        drawn = [
            row.fields["penalty"] for row in SEARCH.rows if row.label.endswith(f"(from {searched})")
        ]
        assert len(drawn) == 8
        assert all(low <= penalty <= high for penalty in drawn)


def test_labels_and_keys_name_one_thing():
    assert len({experiment.key for experiment in EXPERIMENTS}) == len(EXPERIMENTS)
    for experiment in EXPERIMENTS:
        labels = [row.label for row in experiment.rows]
        assert len(set(labels)) == len(labels), experiment.key


def test_every_published_figure_has_its_row():
    named = {row.figure for e in EXPERIMENTS if e.source == "report" for row in e.rows} - {None}
    assert named == set(published_figures())


def test_an_unknown_experiment_is_named():
    with pytest.raises(UserError, match=r"--only is 'table9', but expected one of: baselines, "):
        chosen(["table9"])


def cell(key, label, reading, seed, backend="manual"):
    return Cell(key, label, reading, seed, backend, recipe(key, label, reading, seed))


def test_a_command_of_train_gives_the_recipe_back(twingrad, small_data, tmp_path):
    wanted = cell("baselines", "9 layers, no BN", "specified", seed=2)
    words = shlex.split(command_of(wanted))
    assert words[:2] == ["twingrad", "train"]
    status, _, err = twingrad(*words[1:], "--epochs", 1, "--out", tmp_path / "run")
    assert (status, err) == (0, "")
    _, found, _, _ = RunFolder.reopen(tmp_path / "run")
    assert found == replace(wanted.recipe, epochs=1, name="three-layer")


@pytest.mark.parametrize(
    ("key", "label", "reading"),
    [("baselines", "3 layers, no BN", "published"), ("switches", "no BN, stale eta", "specified")],
)
def test_a_command_of_reproduce_trains_the_cell_alone(
    twingrad, small_data, tmp_path, key, label, reading
):
    wanted = cell(key, label, reading, seed=2)
    words = shlex.split(command_of(wanted))
    assert words[:2] == ["twingrad", "reproduce"]
    out = tmp_path / "run"
    status, _, err = twingrad(*words[1:], "--quick", "--processes", 1, "--out", out)
    assert (status, err) == (0, "")
    results = Results.load(out / "results.json")
    assert results.cells == [replace(wanted, recipe=replace(wanted.recipe, epochs=2))]
    assert f"`{shlex.join([*words, '--quick'])}`" in (out / "README.md").read_text()


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"row": "Glorot"}, "--row is 'Glorot', but expected one of: sigma .01; He; Xavier"),
        ({"reading": "both"}, "--reading is 'both', but expected one of: specified; published"),
        ({"seed": -1}, "--seed is -1, but expected one of: 0; 1"),
    ],
)
def test_a_choice_of_nothing_says_what_there_is(choice, said):
    with pytest.raises(UserError, match=f"^{said}$"):
        Choice(["table3"], **choice).cells(seeds=2, backend="manual")
