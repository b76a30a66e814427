"""Curves of one training or of several: cost, loss, accuracy, learning rate."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from twingrad.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = ("cost", "loss", "accuracy", "learning rate")
COLOURS = ("#0b5394", "#d1500f", "#38761d", "#8e44ad")


def curves_figure(histories: Mapping[str, History], title: str) -> "Figure":
    """Four panels: training solid, validation dashed, a colour for each history.

    Arguments:
        histories: by the label that the legend gives them.
        title: above all.
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
        for part, style, named in (("training", "-", label), ("validation", "--", None)):
            values = [getattr(getattr(epoch, part), panel) for epoch in history]
            axes.plot(updates, values, style, color=colour, label=named, lw=1.2)
    parts = "" if panel == "learning rate" else ": training solid, validation dashed"
    axes.set_title(panel + parts)
    axes.set_xlabel("update")
    axes.grid(alpha=0.3)


def cycled(n: int) -> list[str]:
    """n colours, from the start again when they run out."""
    return [COLOURS[i % len(COLOURS)] for i in range(n)]


def save_curves(folder: Path, label: str, history: History) -> None:
    """Writes figures/curves.png and a picture of each panel into a run's folder."""
    from matplotlib.figure import Figure

    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    curves_figure({label: history}, label).savefig(figures / "curves.png", dpi=110)
    for panel in PANELS:
        figure = Figure(figsize=(6, 4), layout="constrained")
        draw_panel(figure.subplots(), panel, {label: history})
        figure.suptitle(label)
        figure.savefig(figures / f"{panel.replace(' ', '_')}.png", dpi=110)
