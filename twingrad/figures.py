"""Figures: cost, loss, accuracy and learning rate of one or several trainings; the range test."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from twingrad.history import History
from twingrad.range_test import RangeTest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = ("cost", "loss", "accuracy", "learning rate")
COLOURS = ("#0b5394", "#d1500f", "#38761d", "#8e44ad")


def curves_figure(histories: Mapping[str, History], title: str) -> "Figure":
    """Four panels: training solid, validation dashed, a colour for each history.

    Arguments:
        histories: by their label in the legend.
        title: of the whole figure.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7.5), layout="constrained")
    panels = figure.subplots(2, 2).flat
    for panel, axes in zip(PANELS, panels, strict=True):
        draw_panel(axes, panel, histories)
    figure.suptitle(title)
    lines, labels = panels[0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside lower center", ncols=4)
    return figure


def draw_panel(axes: "Axes", panel: str, histories: Mapping[str, History]) -> None:
    """One panel against the number of updates."""
    for (label, history), colour in zip(histories.items(), cycled(len(histories)), strict=True):
        if panel == "learning rate":
            rates = [rate for epoch in history for rate in epoch.learning_rates]
            axes.plot(np.arange(1, len(rates) + 1), rates, color=colour, label=label, lw=1.2)
            continue
        updates = [epoch.update for epoch in history]
        for part, style, legend in (("training", "-", label), ("validation", "--", None)):
            evaluations = [getattr(epoch, part) for epoch in history]
            values = [getattr(one, panel) if one else np.nan for one in evaluations]
            axes.plot(updates, values, style, color=colour, label=legend, lw=1.2)
    parts = "" if panel == "learning rate" else ": training solid, validation dashed"
    axes.set_title(panel + parts)
    axes.set_xlabel("update")
    axes.grid(alpha=0.3)


def cycled(n: int) -> list[str]:
    """n colours, repeating when they run out."""
    return [COLOURS[i % len(COLOURS)] for i in range(n)]


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


def range_figure(found: RangeTest, title: str) -> "Figure":
    """The cost of every minibatch, raw and smoothed, against the learning rate."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.semilogx(found.rates, found.costs, ".", color="0.75", ms=2, label="minibatch")
    rates = found.rates[: len(found.smoothed)]
    axes.semilogx(rates, found.smoothed, color=COLOURS[0], lw=1.6, label="smoothed")
    for label, rate, colour in [
        ("falls fastest", found.falls_fastest, COLOURS[2]),
        ("rises from", found.rises_from, COLOURS[1]),
    ]:
        if rate is not None:
            axes.axvline(rate, color=colour, ls="--", lw=1.2, label=f"{label} {rate:.2g}")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("cost")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def save_range(folder: Path, label: str, found: RangeTest) -> None:
    """Write figures/range.png into a run's folder."""
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    title = f"{label}: learning-rate range test"
    range_figure(found, title).savefig(figures / "range.png", dpi=110)
