"""The table of experiments, and what it trains."""

import json

import pytest

from reproduction.pages.bands import published_figures
from reproduction.published.cells import cells_of, cells_of_both, chosen, recipe_of_row
from reproduction.published.commands import command_of
from reproduction.published.experiments import EXPERIMENTS
from reproduction.published.report import LAMBDAS, SEARCH, TABLE_3
from twingrad.errors import UserError
from twingrad.recipe import Recipe

DEFECTS = ("unpenalised_first_layer", "unshuffled", "per_file_standardization", "stale_eta")


def recipe(key, label, reading, seed=0):
    (experiment,) = chosen([key])
    (row,) = [row for row in experiment.rows if row.label == label]
    return recipe_of_row(experiment, row, reading, seed)


def test_as_specified_has_no_defect():
    cells = cells_of(chosen(["table3", "table4", "baselines"]), seeds=2, backend="manual")
    specified = [cell.recipe for cell in cells if cell.reading == "specified"]
    assert len(specified) == 20
    assert not any(getattr(one, defect) for one in specified for defect in DEFECTS)


@pytest.mark.parametrize(("key", "without"), [("table3", True), ("table4", False)])
def test_as_published_leaves_w1_unpenalised_without_batch_norm_alone(key, without):
    found = recipe(key, "He", "published")
    assert [getattr(found, defect) for defect in DEFECTS] == [without, True, True, True]


def test_the_published_baseline_without_batch_norm_starts_from_xavier():
    starts = [
        recipe("baselines", label, reading).initialization
        for label in ("3 layers, no BN", "3 layers, BN")
        for reading in ("published", "specified")
    ]
    assert starts == ["xavier", "he", "he", "he"]


def test_a_row_as_the_report_has_it():
    assert recipe("table5", "1e-3 to 1e-1, no BN", "specified", seed=4) == Recipe(
        hidden=(100, 50), batch_norm=False, penalty=0.0051, eta_min=1e-3, eta_max=1e-1, seed=4
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
    with pytest.raises(UserError, match=r"--only is 'table9', but there are only: baselines, "):
        chosen(["table9"])


def test_a_command_gives_the_recipe_back(twingrad, small_data, tmp_path):
    wanted = recipe("baselines", "9 layers, no BN", "published", seed=2)
    words = command_of(wanted, "manual").split()[1:]
    status, _, err = twingrad(*words, "--epochs", 1, "--out", tmp_path / "run")
    assert (status, err) == (0, "")
    found = json.loads((tmp_path / "run" / "recipe.json").read_text())
    expected = wanted.as_json() | {"epochs": 1, "name": "three-layer"}
    assert expected.items() <= (found | {"hidden": tuple(found["hidden"])}).items()
