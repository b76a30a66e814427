"""What the page of a sweep draws, as Plotly's data: traces and layouts, without Plotly itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from sweeps.output.results import Results, shown
from sweeps.space.axes import Axis, Choices, Range, Space, Value
from sweeps.study.trial import Row, ranked

STOPS = ((106, 90, 180), (59, 110, 160), (33, 145, 140), (94, 190, 98), (220, 190, 40))
"""Colours of a validation accuracy, the worst first; visible on a light and on a dark page."""

SCALE = [[i / (len(STOPS) - 1), f"rgb{stop}"] for i, stop in enumerate(STOPS)]
"""The same for Plotly."""

ACCURACY = "validation accuracy, %"

MOST_LINES = 200
"""Trials drawn as a line each; the best of more."""


@dataclass(frozen=True)
class Plot:
    """One picture.

    Arguments:
        title: above it.
        note: a sentence below the title.
        traces, layout: as Plotly takes them.
    """

    title: str
    note: str
    traces: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]


def plots_of(results: Results) -> list[Plot]:
    """Every picture there is something to draw in."""
    rows = [row for row in ranked(results.rows) if not row.repeats][:MOST_LINES]
    if not rows:
        return []
    found = [history_plot(results), *slice_plots(results.space, rows), curves_plot(results.rows)]
    found += [importance_plot(results.importance), parallel_plot(results.space, rows)]
    return [plot for plot in found if plot is not None]


def history_plot(results: Results) -> Plot:
    """Every trial by its number, and the best so far."""
    rows = [row for row in results.rows if row.accuracy is not None and not row.repeats]
    numbers, percents = [row.number for row in rows], [percent(row) for row in rows]
    trials = points(numbers, percents, rows) | {"name": "trial"}
    best = {
        "type": "scatter",
        "mode": "lines",
        "line": {"shape": "hv"},
        "name": "best so far",
        "x": numbers,
        "y": list(accumulate(percents, max)),
        "hovertemplate": "best of trials 0 to %{x}: %{y:.3g} %<extra></extra>",
    }
    return Plot("History", "", [trials, best], sides("trial", ACCURACY))


def slice_plots(space: Space, rows: Sequence[Row]) -> list[Plot]:
    """Accuracy against each field."""
    return [
        Plot(
            axis.field,
            "",
            [points([row.parameters[axis.field] for row in rows], list(map(percent, rows)), rows)],
            sides(axis.field, ACCURACY, scale_of(axis)),
        )
        for axis in space
    ]


def curves_plot(rows: Sequence[Row]) -> Plot | None:
    """The validation accuracy of every trial after each epoch."""
    drawn = [row for row in rows if len(row.curve) > 1]
    drawn = sorted(drawn, key=lambda row: -max(row.curve.values()))[:MOST_LINES]
    if not drawn:
        return None
    curves = [sorted(row.curve.items()) for row in drawn]
    finals = [100 * curve[-1][1] for curve in curves]
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"trial {row.number}",
            "showlegend": False,
            "line": {"width": 1.4, "color": colour(final, finals)},
            "x": [epoch for epoch, _ in curve],
            "y": [100 * accuracy for _, accuracy in curve],
            "hovertemplate": f"{about(row)}<br>epoch %{{x}}: %{{y:.3g}} %<extra></extra>",
        }
        for row, curve, final in zip(drawn, curves, finals, strict=True)
    ]
    note = "A line is a trial, the brighter the better it ended."
    return Plot("Learning curves", note, traces, sides("epoch", ACCURACY))


def importance_plot(importance: Mapping[str, float]) -> Plot | None:
    """How much of what sets the best trials apart lies in each field."""
    if len(importance) < 2:
        return None
    names = sorted(importance, key=importance.__getitem__)
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [importance[name] for name in names],
        "y": names,
        "text": [f"{importance[name]:.3g}" for name in names],
        "hovertemplate": "%{y}: %{x:.3g}<extra></extra>",
    }
    note = "How much each field sets the best tenth of the trials apart (PED-ANOVA); the sum is 1."
    return Plot("Importance", note, [bars], sides("share", "") | {"margin": {"l": 110}})


def parallel_plot(space: Space, rows: Sequence[Row]) -> Plot:
    """A line for each trial across its fields to its accuracy."""
    percents = [percent(row) for row in rows]
    columns = [upright(axis, [row.parameters[axis.field] for row in rows]) for axis in space]
    columns.append(between(percents))
    names = [*(axis.field for axis in space), "validation %"]
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "showlegend": False,
            "line": {"width": 1.2, "color": colour(each, percents)},
            "marker": {"size": 4},
            "x": names,
            "y": [column[i] for column in columns],
            "hovertemplate": f"{about(row)}<extra></extra>",
        }
        for i, (row, each) in reversed(list(enumerate(zip(rows, percents, strict=True))))
    ]
    note = "A line is a trial: each field from its smallest value to its largest."
    ends = [ends_of(axis, [row.parameters[axis.field] for row in rows]) for axis in space]
    ends.append({shown(min(percents)): 0.0, shown(max(percents)): 1.0})
    layout = {
        "yaxis": {"visible": False, "range": [-0.08, 1.08]},
        "xaxis": {"type": "category", "fixedrange": True},
        "annotations": [
            {"x": name, "y": at, "text": text, "showarrow": False, "xshift": 6, "xanchor": "left"}
            for name, marks in zip(names, ends, strict=True)
            for text, at in marks.items()
        ],
    }
    return Plot("Parallel coordinates", note, traces, layout)


def points(x: Sequence[Value], percents: Sequence[float], rows: Sequence[Row]) -> dict[str, Any]:
    """A point for each trial, coloured by its accuracy."""
    return {
        "type": "scatter",
        "mode": "markers",
        "showlegend": False,
        "x": list(x),
        "y": list(percents),
        "text": [about(row) for row in rows],
        "marker": {"size": 9, "color": list(percents), "colorscale": SCALE},
        "hovertemplate": "%{text}<extra></extra>",
    }


def sides(x: str, y: str, scale: str | None = None) -> dict[str, Any]:
    """A layout with named axes."""
    horizontal: dict[str, Any] = {"title": {"text": x}, "exponentformat": "power"}
    if scale is not None:
        horizontal["type"] = scale
    return {"xaxis": horizontal, "yaxis": {"title": {"text": y}}}


def scale_of(axis: Axis) -> str:
    """Plotly's type of an axis."""
    if isinstance(axis, Choices):
        return "category"
    return "log" if axis.log else "linear"


def upright(axis: Axis, values: Sequence[Value]) -> list[float]:
    """Where each value lies on an axis, from 0 to 1."""
    if isinstance(axis, Range):
        return between([axis.scale(float(value)) for value in values])
    last = max(len(axis.labels) - 1, 1)
    return [axis.labels.index(str(value)) / last for value in values]


def ends_of(axis: Axis, values: Sequence[Value]) -> dict[str, float]:
    """What an axis is marked with, and where: its ends, or each of its labels."""
    if isinstance(axis, Choices):
        last = max(len(axis.labels) - 1, 1)
        return {label: i / last for i, label in enumerate(axis.labels)}
    numbers = sorted(float(value) for value in values)
    if numbers[0] == numbers[-1]:
        return {shown(numbers[0]): 0.5}
    return {shown(numbers[0]): 0.0, shown(numbers[-1]): 1.0}


def between(values: Sequence[float]) -> list[float]:
    """Values from the smallest, 0, to the largest, 1; 0.5 where all are equal."""
    low, high = min(values), max(values)
    return [0.5 if low == high else (value - low) / (high - low) for value in values]


def colour(value: float, among: Sequence[float]) -> str:
    """A value's colour: violet for the smallest, through green, to yellow for the largest."""
    low, high = min(among), max(among)
    at = (value - low) / (high - low) * (len(STOPS) - 1) if high > low else len(STOPS) - 1.0
    left = min(int(at), len(STOPS) - 2)
    mixed = [a + (at - left) * (b - a) for a, b in zip(STOPS[left], STOPS[left + 1], strict=True)]
    return f"rgb({', '.join(str(round(part)) for part in mixed)})"


def percent(row: Row) -> float:
    """Validation accuracy."""
    return 100 * (row.accuracy or 0.0)


def about(row: Row) -> str:
    """What is shown of a trial under the pointer."""
    fields = "<br>".join(f"{field} {shown(value)}" for field, value in row.parameters.items())
    end = f"{percent(row):.3g} %" if row.accuracy is not None else row.status
    return f"trial {row.number}<br>{fields}<br>{end}"
