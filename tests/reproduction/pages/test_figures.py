import numpy as np
import pytest

from reproduction.pages.accuracies import RATES, lambda_figure, norms_figure
from reproduction.pages.bands import band_of, counted, published_curve, published_figures
from reproduction.pages.defects_figure import defects_caption, defects_figure
from reproduction.pages.figures import save_figures
from reproduction.pages.panels import Side, curves_figure
from reproduction.published.report import LAMBDAS
from tests.reproduction.made_up import EPOCHS, Told, results_of

HE = ("table3", "He")
BASELINE = ("baselines", "3 layers, no BN")
THREE = [Told(cost=(value,) * EPOCHS, train=20 * value) for value in (1.0, 2.0, 4.5)]
DIVERGED = Told(test=None, cost=(9.0, 9.0), loss=(9.0, 9.0))


def trainings_of(place, told, reading="specified"):
    return results_of({place: told}, reading).of(*place, reading)


def test_a_band_is_the_mean_and_the_extremes_of_the_seeds():
    band = band_of(trainings_of(HE, THREE), "training", "cost")
    assert band.updates.tolist() == list(range(450, 9001, 450))
    assert (band.low[7], band.mean[7], band.high[7]) == (1.0, 2.5, 4.5)


def test_accuracies_of_a_band_are_in_percent():
    band = band_of(trainings_of(HE, THREE), "validation", "accuracy")
    assert band.mean[0] == pytest.approx(50.0)


def test_trainings_that_diverged_are_left_out_and_counted():
    trainings = trainings_of(HE, [*THREE, DIVERGED])
    assert band_of(trainings, "training", "cost").mean[0] == 2.5
    assert counted(trainings) == "3 seeds (1 diverged, left out)"
    assert band_of(trainings[3:], "training", "cost") is None


def test_published_points_lie_where_they_were_evaluated():
    figure_13 = published_curve("fig13_He_BN", "training", "cost")
    assert figure_13.updates.tolist() == list(range(450, 9001, 450))
    assert figure_13.values[-1] == 1.15309
    shifted = published_curve("noBN_3layer_50_50", "validation", "accuracy")
    assert shifted.updates.tolist() == list(range(0, 8551, 450))
    assert shifted.values[0] == pytest.approx(8.002)


def test_every_published_loss_is_the_published_cost():
    figures = published_figures()
    assert len(figures) == 12
    assert all(figure["loss"] == figure["cost"] for figure in figures.values())


def test_a_row_of_panels_holds_the_means_the_published_points_and_the_learning_rate():
    sides = [
        Side(reading, trainings_of(BASELINE, THREE, reading))
        for reading in ("published", "specified")
    ]
    figure = curves_figure("title", sides, "noBN_3layer_50_50")
    cost, loss, accuracy, rate, *below = figure.axes
    ours, theirs, *_ = cost.get_lines()
    assert ours.get_ydata().tolist() == [2.5] * EPOCHS
    assert theirs.get_xdata()[0] == 0
    assert theirs.get_ydata()[0] == 2.96867
    assert loss.get_lines()[0].get_ydata().tolist() == [1.0] * EPOCHS
    assert accuracy.get_lines()[0].get_ydata() == pytest.approx([50.0] * EPOCHS)
    assert [panel.get_ylim() for panel in below] == [
        panel.get_ylim() for panel in (cost, loss, accuracy, rate)
    ]
    stale, plain = (axes.texts[0].get_text() for axes in (rate, below[3]))
    assert (stale, plain) == ("at 4500:\n5.444e-05", "at 4500:\n1e-05")
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said[-2] == "band published: range over 3 seeds"


def test_only_what_was_run_is_drawn_and_all_files_are_small_pngs(tmp_path):
    results = results_of({HE: [*THREE, DIVERGED], ("table5", "1e-4 to 1e-1, BN"): [54.0]})
    found = save_figures(results, tmp_path / "figures")
    assert [name for name, _, _ in found] == ["fig10_He_noBN.png", "rates.png"]
    _, title, caption = found[0]
    assert title.startswith("Figure 10: [100, 50] without BN, He, lambda 0.0051, learning rate")
    assert caption == (
        "Training cost after 9000 updates: 2.860 in the report, "
        "2.500 as specified (mean of 3 seeds (1 diverged, left out))."
    )
    for name, _, _ in found:
        content = (tmp_path / "figures" / name).read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) < 150_000


def test_short_trainings_and_none_at_all_are_drawn(tmp_path):
    short = Told(cost=(1.0, 2.0), loss=(1.0, 2.0))
    found = save_figures(results_of({HE: [short], ("table3", "Xavier"): [DIVERGED]}), tmp_path)
    assert [name for name, _, _ in found] == ["fig10_He_noBN.png", "fig11_Xavier_noBN.png"]
    assert found[0][2] == "Training cost after 9000 updates: 2.860 in the report."


def test_figures_of_a_table_come_in_the_report_s_order(tmp_path):
    rows = ("1e-2 to 1e-1, BN", "1e-2 to 1e-1, no BN")
    found = save_figures(results_of({("table5", row): [50.0] for row in rows}), tmp_path)
    assert [name for name, _, _ in found][:2] == ["fig15_highlr_noBN.png", "fig16_highlr_BN.png"]


def test_readings_that_start_differently_are_named_in_the_title(tmp_path):
    both = [results_of({BASELINE: THREE}, reading) for reading in ("published", "specified")]
    results = type(both[0])(
        [*both[0].cells, *both[1].cells],
        both[0].trainings | both[1].trainings,
        both[0].about,
    )
    (_, title, caption), *_ = save_figures(results, tmp_path)
    assert "Xavier as published, He as specified" in title
    assert caption.startswith("Training cost after 8550 updates: 2.054 in the report, 2.500 as pub")


def test_what_a_defect_alone_changes_is_told():
    told = {
        ("switches", "no BN, as specified"): THREE,
        ("switches", "no BN, W1 unpenalised"): [Told(cost=(3.0,) * EPOCHS, train=49.0)],
    }
    results = results_of(told)
    assert "no BN: W1 unpenalised +0.500 and -1.00." in defects_caption(results)
    cost = defects_figure(results, "title").axes[0]
    assert [line.get_label() for line in cost.get_lines()] == [
        "as specified, 3 seeds",
        "W1 unpenalised, 1 seed",
        "the report's run",
    ]
    assert defects_figure(results_of({HE: THREE}), "title") is None


def test_accuracies_are_drawn_as_mean_and_deviation_beside_the_report_s():
    label = f"{LAMBDAS[0][1]:g} (from {LAMBDAS[0][0]})"
    axes = lambda_figure(results_of({("table1", label): [52.0, 54.0]}), "title").axes[0]
    (container,) = axes.containers
    point, _, (bar,) = container.lines
    assert point.get_xydata().tolist() == [[0.0051, 53.0]]
    low, high = bar.get_segments()[0][:, 1]
    assert high - low == pytest.approx(2 * np.sqrt(2))  # n - 1 = 1, so the variance is 2
    crosses = next(line for line in axes.get_lines() if line.get_marker() == "x")
    assert crosses.get_xydata().tolist() == [[0.0051, 53.09]]


def test_how_many_diverged_is_written_where_there_is_no_mean():
    told = {
        ("high-rates", "up to 3, BN"): [50.0, 40.0],
        ("high-rates", "up to 3, no BN"): [None, 30.0, None],
    }
    (axes,) = norms_figure(results_of(told), RATES, "title").axes
    assert [text.get_text() for text in axes.texts] == ["2 of 3 diverged"]
    assert [c.lines[0].get_ydata().tolist() for c in axes.containers] == [[45.0], [30.0]]
