import numpy as np
import pytest

from twingrad.figures import curves_figure, range_figure, save_range, titled
from twingrad.history import Epoch, Evaluation
from twingrad.layers import NORMALIZATIONS
from twingrad.range_test import judge_range
from twingrad.recipe import Recipe


def history(**parts):
    whole = Evaluation(2.0, 1.5, 0.5)
    parts = {"training": whole, "validation": whole} | parts
    return [
        Epoch(e, 2 * e, learning_rates=(0.1, 0.2), seconds=1.0, costs=(2.5, 2.0), **parts)
        for e in (1, 2, 3)
    ]


def drawn(figure, panel):
    """Every curve of a panel as its values."""
    axes = next(axes for axes in figure.axes if axes.get_title().startswith(panel))
    return [line.get_ydata().tolist() for line in axes.lines]


def test_each_panel_shows_training_and_validation():
    figure = curves_figure({"a": history()}, "title")
    assert drawn(figure, "cost") == [[2.0] * 3, [2.0] * 3]
    assert drawn(figure, "accuracy") == [[50.0] * 3, [50.0] * 3]
    assert drawn(figure, "learning rate") == [[0.1, 0.2] * 3]


def test_a_part_that_was_not_evaluated_leaves_a_gap():
    training, validation = drawn(curves_figure({"a": history(training=None)}, "title"), "loss")
    assert np.isnan(training).all()
    assert validation == [1.5] * 3


def test_a_title_names_the_network_and_the_optimiser():
    other = Recipe(hidden=(9, 8), normalization="layer", activation="leaky_relu", optimizer="adam")
    assert titled(other) == "[9, 8], layer norm, leaky relu, adam"
    assert titled(Recipe(hidden=(50, 50))) == "[50, 50], batch norm"
    titles = {titled(Recipe(hidden=(5,), normalization=name)) for name in NORMALIZATIONS}
    assert len(titles) == len(NORMALIZATIONS)
    assert titled(Recipe(hidden=())) == "no hidden layer"


def test_a_single_epoch_is_visible():
    markers = [line.get_marker() for line in curves_figure({"a": history()[:1]}, "t").axes[0].lines]
    assert markers == ["o", "o"]


def test_a_backend_has_a_colour_a_seed_a_line_and_validation_is_paler():
    labels = [f"{side}, seed {seed}" for side in ("manual", "torch") for seed in (0, 1)]
    figure = curves_figure({label: history() for label in labels}, "title")
    lines = figure.axes[0].lines
    colours, styles = [line.get_color() for line in lines], [line.get_linestyle() for line in lines]
    assert len(set(colours[:4])) == len(set(colours[4:])) == 1
    assert colours[0] != colours[4]
    assert styles == ["-", "-", "--", "--"] * 2
    assert [line.get_alpha() for line in lines] == [1.0, 0.45] * 4
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert shown == [*labels, "training", "validation"]


@pytest.fixture
def found():
    rates = np.geomspace(1e-5, 1, 200)
    return judge_range(rates, 2 + 1 / (1 + np.exp(3 * np.log10(rates) + 6)))


def test_a_range_test_is_drawn_over_the_logarithm_of_the_rate(found):
    [axes] = range_figure(found, "title").axes
    assert axes.get_xscale() == "log"
    minibatches, smoothed, fastest = axes.lines
    assert minibatches.get_ydata().tolist() == found.costs.tolist()
    assert smoothed.get_ydata().tolist() == found.smoothed.tolist()
    assert set(fastest.get_xdata()) == {found.falls_fastest}


def test_a_range_test_s_figure_is_saved(found, tmp_path):
    save_range(tmp_path, "three-layer", found)
    assert (tmp_path / "figures/range.png").read_bytes().startswith(b"\x89PNG")
