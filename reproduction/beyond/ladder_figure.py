"""The ladder as a figure: test accuracy of each rung with its interval, and its cost; and the
learning curve of its best network."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reproduction.beyond.gains import PUBLISHED, gain, word
from reproduction.beyond.rung_results import LadderResults, RungResult
from reproduction.verdicts.judgement import mean_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"helps": "#38761d", "harms": "#b3261e", "not decided": "#666666", "": "#0b5394"}


def ladder_figure(results: LadderResults) -> "Figure":
    """One line for each finished rung, from the top in the ladder's order."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator

    rungs = list(results.rungs.values())
    figure = Figure(figsize=(11, 1.8 + 0.32 * len(rungs)), layout="constrained")
    accuracies, costs = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
    rows = np.arange(len(rungs))
    draw_accuracies(accuracies, results, rungs)
    minutes = [float(np.mean(rung.processor_seconds)) / 60 for rung in rungs]
    for row, rung in enumerate(rungs):
        marker = "sD^v"[results.processors.index(rung.processor) % 4]
        costs.plot(minutes[row], row, marker, color=COLOURS[""], ms=5)
    costs.set_xscale("log")
    costs.set_xlim(min(minutes) / 2, max(minutes) * 2)
    costs.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    costs.xaxis.set_major_formatter("{x:g}")
    costs.xaxis.set_minor_formatter("")
    shapes = "\n(each shape is\na processor)" if len(results.processors) > 1 else ""
    costs.set_xlabel(f"processor minutes\nof a training{shapes}")
    accuracies.set_yticks(rows, [named(rung) for rung in rungs])
    accuracies.invert_yaxis()
    for axes in (accuracies, costs):
        axes.grid(axis="x", alpha=0.3)
    return figure


def draw_accuracies(axes: "Axes", results: LadderResults, rungs: list[RungResult]) -> None:
    """Seeds as dots, means with 95 % intervals, and the start's interval as a band."""
    start = results.rungs.get("start")
    band = None if start is None else mean_interval(start.test)
    if band is not None:
        axes.axvspan(band.low, band.high, color=COLOURS[""], alpha=0.12, lw=0)
        axes.axvline(band.value, color=COLOURS[""], lw=0.8)
    axes.axvline(PUBLISHED, color="black", ls=":", lw=1)
    for row, rung in enumerate(rungs):
        base = results.rungs.get(rung.against)
        colour = COLOURS[word(gain(rung, base)) if base else ""]
        axes.plot(rung.test, [row] * len(rung.test), ".", color=colour, alpha=0.4, ms=5)
        interval = mean_interval(rung.test)
        if interval is not None:
            axes.plot([interval.low, interval.high], [row, row], color=colour, lw=2)
            axes.plot(interval.value, row, "o", color=colour, ms=5)
    axes.set_xlabel(
        "test accuracy, %: mean, 95 % interval, seeds\n(band: the start; dotted: the report)"
    )


def named(rung: RungResult) -> str:
    """The rung's title with the setting that was chosen."""
    return f"{rung.title} ({rung.label})" if len(rung.tried) > 1 else rung.title


def curve_figure(rung: RungResult) -> "Figure":
    """Mean validation accuracy of a rung's networks after every epoch."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(range(1, len(rung.curve) + 1), rung.curve, color=COLOURS[""])
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"validation accuracy, %\n(mean, n = {len(rung.validation)})")
    axes.grid(alpha=0.3)
    return figure


def save_figure(figure: "Figure", path: Path) -> None:
    """Save a figure as PNG."""
    figure.savefig(path, dpi=110)
