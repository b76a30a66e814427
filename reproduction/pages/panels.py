"""A figure of the report redrawn with our curves, one row of panels for each reading."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reproduction.pages.bands import SAMPLES, DrawnPart, band_of, counted, published_curve
from reproduction.results import QUANTITIES, Trained
from twingrad.figures import COLOURS

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOUR_OF: Mapping[DrawnPart, str] = {"training": COLOURS[0], "validation": COLOURS[1]}
TITLES = ("cost", 'loss (published "loss" = its cost)', "accuracy, %", "learning rate")

CYCLE_ENDS = range(0, 9001, 2250)
"""Updates at the ends of half cycles in the report's figures."""


@dataclass(frozen=True)
class Side:
    """One reading of a figure.

    Arguments:
        name: of the reading.
        trainings: in order of seeds, at least one; diverged ones are not drawn.
    """

    name: str
    trainings: Sequence[Trained]


def curves_figure(title: str, sides: Sequence[Side], key: str) -> "Figure":
    """Cost, loss, accuracy and learning rate, with equal scales in all readings.

    Arguments:
        title: of the whole figure.
        sides: the readings, from top to bottom.
        key: of the published curves.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 1.4 + 2.2 * len(sides)), layout="constrained")
    grid = figure.subplots(len(sides), len(TITLES), sharex=True, sharey="col", squeeze=False)
    grid[0, 1].sharey(grid[0, 0])
    for side, row in zip(sides, grid, strict=True):
        for quantity, axes in zip(QUANTITIES, row[:-1], strict=True):
            draw_curves(axes, side, key, quantity)
        draw_rates(row[-1], side)
        row[0].set_ylabel(side.name, fontweight="bold")
    for axes, panel in zip(grid[0], TITLES, strict=True):
        axes.set_title(panel, fontsize=9.5)
    for axes in grid[-1]:
        mark_updates(axes)
    for axes in grid.flat:
        axes.grid(alpha=0.3)
    figure.suptitle(title, fontsize=11)
    figure.legend(handles=legend_of(sides), loc="outside lower center", ncols=3, fontsize=8.5)
    return figure


def draw_curves(axes: "Axes", side: Side, key: str, quantity: str) -> None:
    """Draw our training and validation curves with bands, and the published points on top."""
    for part, colour in COLOUR_OF.items():
        ours = band_of(side.trainings, part, quantity)
        if ours is not None:
            axes.plot(ours.updates, ours.mean, color=colour, lw=1.4)
            axes.fill_between(ours.updates, ours.low, ours.high, color=colour, alpha=0.3, lw=0)
        theirs = published_curve(key, part, quantity)
        axes.plot(theirs.updates, theirs.values, **published_style(part))


def published_style(part: DrawnPart) -> dict[str, Any]:
    """Black points: filled for training, hollow for validation."""
    face = "black" if part == "training" else "white"
    return {"color": "black", "ls": "", "marker": "o", "ms": 3, "mew": 0.7, "mfc": face}


def draw_rates(axes: "Axes", side: Side) -> None:
    """Draw the learning rate of every update, labelled at the start of the second cycle."""
    plan = side.trainings[0].recipe.plan(SAMPLES)
    rates, second, colour = plan.learning_rates, 2 * plan.half_cycle, "#444444"
    axes.plot(np.arange(1, len(rates) + 1), rates, color=colour, lw=1.2)
    if len(rates) > second:
        rate = rates[second - 1]
        axes.plot(second, rate, "o", color=colour, ms=4)
        axes.annotate(
            f"at {second}:\n{rate:.4g}",
            (second, rate),
            (second, rates.max()),
            ha="center",
            va="top",
            fontsize=8,
            arrowprops={"arrowstyle": "-", "lw": 0.7, "color": colour},
        )


def mark_updates(axes: "Axes") -> None:
    """Mark the ends of half cycles."""
    axes.set_xlabel("update")
    axes.set_xticks(CYCLE_ENDS)
    axes.tick_params(axis="x", labelsize=8)


def legend_of(sides: Sequence[Side]) -> "list[Artist]":
    """The legend: lines, points and bands, with the number of seeds."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    lines: list[Artist] = [
        Line2D([], [], color=colour, lw=1.6, label=f"ours, {part}: mean over the seeds")
        for part, colour in COLOUR_OF.items()
    ]
    points = [
        Line2D([], [], **published_style(part), label=f"the report's run, {part}")
        for part in COLOUR_OF
    ]
    bands = [
        Patch(
            color="#bbbbbb",
            label=f"band {side.name}: range over {counted(side.trainings)}",
        )
        for side in sides
    ]
    return [*lines, *points, *bands]
