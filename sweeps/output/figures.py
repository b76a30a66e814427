"""Pictures of a sweep: a slice for every field, parallel coordinates, learning rate by penalty."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sweeps.output.results import Results
from sweeps.space.axes import Axis, Choices, Range, Value
from sweeps.study.trial import Row, ranked
from twingrad.figures import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAP = "viridis"
ACROSS = 3
"""Slices beside each other."""


def slice_figure(results: Results) -> "Figure":
    """Validation accuracy against each field, a colour for each stage; lines for its range."""
    from matplotlib.figure import Figure

    columns = min(ACROSS, len(results.space))
    lines = -(-len(results.space) // columns)
    figure = Figure(figsize=(max(4.2 * columns, 6), 3.6 * lines), layout="constrained")
    panels = list(np.atleast_1d(figure.subplots(lines, columns, sharey=True)).flat)
    rows, stages = ranked(results.rows), len(results.stages)
    for k, (axes, axis) in enumerate(zip(panels, results.space, strict=False)):
        for stage in range(stages):
            colour = COLOURS[stage % len(COLOURS)]
            here = [row for row in rows if row.stage == stage + 1]
            places = [place(axis, row.parameters[axis.field]) for row in here]
            label = f"stage {stage + 1}" if stages > 1 else "trials"
            axes.plot(places, percents(here), "o", color=colour, label=label, ms=4.5, alpha=0.8)
            narrow = results.stages[stage][k]
            if stage and isinstance(narrow, Range):
                for end in (narrow.low, narrow.high):
                    axes.axvline(place(axis, end), color=colour, lw=1, ls=":")
        for row in rows[:1]:
            axes.plot(place(axis, row.parameters[axis.field]), percents([row]), "k*", ms=11)
        ticked(axes, axis)
        axes.set_xlabel(axis.field)
        axes.grid(alpha=0.3)
    for axes in panels[len(results.space) :]:
        axes.set_visible(False)
    for axes in panels[::columns]:
        axes.set_ylabel("validation accuracy, %")
    if stages > 1:
        panels[0].legend()
    bounds = "; dotted lines bound a stage's range" if stages > 1 else ""
    figure.suptitle(f"Slices: the star is the best trial{bounds}")
    return figure


def parallel_figure(results: Results) -> "Figure":
    """A line for each trial across its fields to its validation accuracy, the best on top."""
    from matplotlib import colormaps
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    rows = ranked(results.rows)[::-1]
    names = [*(axis.field for axis in results.space), "validation %"]
    figure = Figure(figsize=(max(2.4 * len(names), 6), 4.2), layout="constrained")
    axes, accuracy = figure.subplots(), np.array(percents(rows))
    scale = Normalize(accuracy.min(), max(accuracy.max(), accuracy.min() + 1e-9))
    columns = [upright(axis, rows) for axis in results.space]
    columns.append(Upright(*unit(accuracy), [f"{accuracy.min():.2f}", f"{accuracy.max():.2f}"]))
    for i, value in enumerate(accuracy):
        heights = [column.heights[i] for column in columns]
        axes.plot(range(len(names)), heights, color=colormaps[MAP](scale(value)), lw=1.1)
    for x, column in enumerate(columns):
        axes.axvline(x, color="#222", lw=0.8)
        for at, label in zip(column.ticks, column.labels, strict=True):
            axes.text(x + 0.02, at, label, va="center", fontsize=8, backgroundcolor="#ffffffb0")
    axes.set_xticks(range(len(names)), names)
    axes.tick_params(axis="x", length=0)
    axes.set_yticks([])
    axes.set_xlim(-0.2, len(names) - 0.6)
    for side in axes.spines.values():
        side.set_visible(False)
    figure.suptitle("Parallel coordinates: a line is a trial, the brighter the better")
    return figure


def rate_penalty_figure(results: Results) -> "Figure | None":
    """Learning rate by penalty, coloured by validation accuracy; None unless both are searched."""
    from matplotlib.figure import Figure

    by_field = {axis.field: axis for axis in results.space}
    rates = next((by_field[f] for f in ("eta_max", "eta_min") if f in by_field), None)
    penalties, rows = by_field.get("penalty"), ranked(results.rows)[::-1]
    if rates is None or penalties is None:
        return None
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    axes = figure.subplots()
    points = axes.scatter(
        [place(penalties, row.parameters["penalty"]) for row in rows],
        [place(rates, row.parameters[rates.field]) for row in rows],
        c=percents(rows),
        cmap=MAP,
        s=36,
    )
    ticked(axes, penalties)
    ticked(axes, rates, vertical=True)
    axes.set_xlabel("penalty")
    axes.set_ylabel(rates.field)
    axes.grid(alpha=0.3)
    figure.colorbar(points, label="validation accuracy, %")
    figure.suptitle("Learning rate by penalty")
    return figure


def percents(rows: Sequence[Row]) -> list[float]:
    """Validation accuracies."""
    return [100 * (row.accuracy or 0.0) for row in rows]


@dataclass(frozen=True)
class Upright:
    """A column of the parallel coordinates: where each trial crosses it, and what it is marked
    with, from 0 to 1."""

    heights: np.ndarray
    ticks: Sequence[float]
    labels: Sequence[str]


def upright(axis: Axis, rows: Sequence[Row]) -> Upright:
    """The column of a field."""
    values = np.array([place(axis, row.parameters[axis.field]) for row in rows])
    if isinstance(axis, Choices):
        top = max(len(axis.labels) - 1, 1)
        return Upright(values / top, [i / top for i in range(len(axis.labels))], axis.labels)
    heights, ticks = unit(np.log(values) if axis.log else values)
    return Upright(heights, ticks, [f"{values.min():.3g}", f"{values.max():.3g}"])


def unit(values: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Values from 0 to 1, and the heights of the smallest and the largest."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.full(len(values), 0.5), [0.5, 0.5]
    return (values - low) / (high - low), [0.0, 1.0]


def place(axis: Axis, value: Value) -> float:
    """Where a value lies: a number where it is, a label at its place in the list."""
    return float(value) if isinstance(axis, Range) else float(axis.labels.index(str(value)))


def ticked(axes: "Axes", axis: Axis, *, vertical: bool = False) -> None:
    """Gives a picture's side the scale of a range, or the labels of a list."""
    if isinstance(axis, Range):
        if axis.log:
            (axes.set_yscale if vertical else axes.set_xscale)("log")
        return
    side = axes.yaxis if vertical else axes.xaxis
    side.set_ticks(range(len(axis.labels)), list(axis.labels))
