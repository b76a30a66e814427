"""What a sweep's page draws."""

from dataclasses import replace

import pytest

from sweeps.output import report
from sweeps.output.plots import plots_of
from sweeps.output.results import Results, table_of
from sweeps.space.axes import Choices, Range
from sweeps.study.trial import Outcome, Row
from twingrad.history import Evaluation

SPACE = (Range("penalty", 1e-4, 1e-2, log=True, whole=False), Choices("hidden", ("50", "30-20")))
ACCURACIES = (0.3, 0.5, 0.4)
PENALTIES = (1e-4, 1e-3, 1e-2)


def row(number, penalty, hidden, accuracy, status="finished"):
    found = Evaluation(2.0, 1.5, accuracy)
    outcome = Outcome(status, 2, found, found, 1.0, "<script>" if status != "finished" else "")
    curve = {1: accuracy / 2, 2: accuracy}
    return Row(number, {"penalty": penalty, "hidden": hidden}, 1, outcome, "me", curve)


@pytest.fixture
def results():
    rows = [
        row(i, penalty, "50" if i else "30-20", accuracy)
        for i, (penalty, accuracy) in enumerate(zip(PENALTIES, ACCURACIES, strict=True))
    ]
    rows.append(row(3, 5e-3, "50", 0.1, status="pruned"))
    settings = {
        "plan": {"sampler": "random"},
        "dataset": {"synthetic": False},
        "recipe": {},
        "environment": {},
        "backend": "manual",
        "devices": ["cpu"],
    }
    return Results(settings, SPACE, [SPACE], rows, importance={"penalty": 0.75, "hidden": 0.25})


@pytest.fixture
def plots(results):
    return {plot.title: plot for plot in plots_of(results)}


def test_the_best_so_far_never_falls(plots):
    trials, best = plots["History"].traces
    assert trials["y"] == pytest.approx([30, 50, 40])
    assert best["y"] == pytest.approx([30, 50, 50])


def test_the_history_of_many_trials_is_sampled_and_ends_with_the_last(results):
    rows = [row(i, 1e-3, "50", i / 5000) for i in range(4500)]
    (history, *_) = plots_of(replace(results, rows=rows))
    trials, best = history.traces
    assert trials["x"] == best["x"] == list(range(2, 4500, 3))
    assert best["y"][-1] == pytest.approx(100 * 4499 / 5000)


def test_a_field_is_drawn_on_its_own_scale(plots):
    assert plots["penalty"].layout["xaxis"]["type"] == "log"
    assert plots["hidden"].layout["xaxis"]["type"] == "category"
    (points,) = plots["penalty"].traces
    assert sorted(zip(points["x"], points["y"], strict=True)) == [
        (1e-4, pytest.approx(30)),
        (1e-3, pytest.approx(50)),
        (1e-2, pytest.approx(40)),
    ]


def test_a_learning_curve_for_every_trial_and_the_pruned_one(plots):
    curves = {trace["name"]: trace["y"] for trace in plots["Learning curves"].traces}
    assert curves["trial 1"] == pytest.approx([25, 50])
    assert curves["trial 3"] == pytest.approx([5, 10])
    assert len(curves) == 4


def test_parallel_coordinates_run_from_the_smallest_to_the_largest(plots):
    lines = {
        trace["hovertemplate"][:7]: trace["y"] for trace in plots["Parallel coordinates"].traces
    }
    assert lines["trial 0"] == pytest.approx([0, 1, 0])
    assert lines["trial 1"] == pytest.approx([0.5, 0, 1])
    assert lines["trial 2"] == pytest.approx([1, 0, 0.5])


def test_importance_is_drawn_as_it_is(plots):
    (bars,) = plots["Importance"].traces
    assert dict(zip(bars["y"], bars["x"], strict=True)) == {"hidden": 0.25, "penalty": 0.75}


def test_the_table_sorts_by_the_whole_number_and_shows_four_digits(results):
    _, (best, *_) = table_of(results, 10)
    assert ("0.001", "0.001") in best
    assert ("50", "50.0") in best
    page = report.render(results)
    assert page.index('data-key="1"') < page.index('data-key="2"') < page.index('data-key="0"')


def test_the_page_escapes_what_a_trial_says(results):
    page = report.render(results)
    assert "<td>&lt;script&gt;" in page
    assert page.count('<div class="plot">') == 6


def test_the_scripts_are_in_the_page():
    from plotly.offline import get_plotlyjs

    assert "</script" not in get_plotlyjs()
