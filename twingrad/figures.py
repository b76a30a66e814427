"""Figures: cost, loss, accuracy and learning rate of one or several trainings; the range test."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from twingrad.history import History
from twingrad.range_test import RangeTest
from twingrad.recipe import Recipe

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = ("cost", "loss", "accuracy", "learning rate")
GREY = "#555555"
LINES = ("-", "--", "-.", ":")
PARTS = {"training": 1.0, "validation": 0.45}
"""Opacity of the lines of each part."""

NORMALIZATION_WORDS = {
    "batch": "batch norm",
    "batch-after": "batch norm after the activation",
    "layer": "layer norm",
}

COLOURS = ("#0b5394", "#d1500f", "#38761d", "#8e44ad")


def curves_figure(histories: Mapping[str, History], title: str) -> "Figure":
    """Four panels: colours for backends, line styles for seeds, and paler lines for validation.

    Arguments:
        histories: by their label in the legend; labels that end in ", seed N" share the colour of
            the other seeds.
        title: of the whole figure.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    figure = Figure(figsize=(12, 7.5), layout="constrained")
    panels = figure.subplots(2, 2).flat
    for panel, axes in zip(PANELS, panels, strict=True):
        draw_panel(axes, panel, histories)
    figure.suptitle(title)
    lines, labels = figure.axes[0].get_legend_handles_labels()
    lines += [Line2D([], [], color=GREY, alpha=alpha) for alpha in PARTS.values()]
    figure.legend(lines, [*labels, *PARTS], loc="outside lower center", ncols=4)
    return figure


def draw_panel(axes: "Axes", panel: str, histories: Mapping[str, History]) -> None:
    """One panel against the number of updates."""
    styles = styles_of(list(histories))
    for label, history in histories.items():
        colour, line = styles[label]
        if panel == "learning rate":
            rates = [rate for epoch in history for rate in epoch.learning_rates]
            axes.plot(np.arange(1, len(rates) + 1), rates, line, color=colour, label=label, lw=1.2)
            continue
        updates = [epoch.update for epoch in history]
        for part, alpha in PARTS.items():
            evaluations = [getattr(epoch, part) for epoch in history]
            values = [shown(getattr(one, panel), panel) if one else np.nan for one in evaluations]
            named = label if part == "training" else None
            [curve] = axes.plot(
                updates, values, line, color=colour, alpha=alpha, label=named, lw=1.4
            )
            if len(updates) == 1:
                curve.set_marker("o")
    axes.set_title("accuracy, %" if panel == "accuracy" else panel)
    axes.set_xlabel("update")
    axes.locator_params(axis="x", integer=True)
    axes.grid(alpha=0.3)


def shown(value: float, panel: str) -> float:
    """A value as shown in its panel: accuracies in percent."""
    return 100 * value if panel == "accuracy" else value


def styles_of(labels: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The colour and line style of each label: the part before ", seed" determines the colour, the
    rest the line style. Both repeat when they run out."""
    parts = [label.partition(", seed") for label in labels]
    names = list(dict.fromkeys(name for name, *_ in parts))
    seeds = list(dict.fromkeys(seed for *_, seed in parts))
    return {
        label: (
            COLOURS[names.index(name) % len(COLOURS)],
            LINES[seeds.index(seed) % len(LINES)],
        )
        for label, (name, _, seed) in zip(labels, parts, strict=True)
    }


def titled(recipe: Recipe) -> str:
    """A training in the title of its figures, such as "[50, 50], layer norm, adam"."""
    words = [str(list(recipe.hidden)) if recipe.hidden else "no hidden layer"]
    if recipe.hidden:
        if recipe.normalization != "none":
            words.append(NORMALIZATION_WORDS[recipe.normalization])
        if recipe.activation != "relu":
            words.append(recipe.activation.replace("_", " "))
        if recipe.dropout:
            words.append(f"dropout {recipe.dropout:g}")
    if recipe.optimizer != "sgd":
        words.append(recipe.optimizer)
    return ", ".join(words)


def save_curves(folder: Path, label: str, history: History) -> None:
    """Write figures/curves.png and one picture for each panel into a run's folder."""
    from matplotlib.figure import Figure

    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    curves_figure({label: history}, label).savefig(figures / "curves.png", dpi=110)
    for panel in PANELS:
        figure = Figure(figsize=(6, 4), layout="constrained")
        draw_panel(figure.subplots(), panel, {label: history})
        figure.suptitle(label)
        figure.savefig(figures / f"{panel.replace(' ', '_')}.png", dpi=110)


def range_figure(result: RangeTest, title: str) -> "Figure":
    """The cost of every minibatch, raw and smoothed, against the learning rate."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.semilogx(result.rates, result.costs, ".", color="0.75", ms=2, label="minibatch")
    rates = result.rates[: len(result.smoothed)]
    axes.semilogx(rates, result.smoothed, color=COLOURS[0], lw=1.6, label="smoothed")
    for label, rate, colour in [
        ("falls fastest", result.falls_fastest, COLOURS[2]),
        ("rises from", result.rises_from, COLOURS[1]),
    ]:
        if rate is not None:
            axes.axvline(rate, color=colour, ls="--", lw=1.2, label=f"{label} {rate:.2g}")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("cost")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def save_range(folder: Path, label: str, result: RangeTest) -> None:
    """Write figures/range.png into a run's folder."""
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    title = f"{label}: learning-rate range test"
    range_figure(result, title).savefig(figures / "range.png", dpi=110)
