"""The plots of a sweep's page, as Plotly's traces and layouts."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from sweeps.output.results import Results, shown
from sweeps.space.axes import Axis, Choices, Space, Value
from sweeps.study.trial import Row

COLOURS = (
    "rgb(106, 90, 180)",
    "rgb(59, 110, 160)",
    "rgb(33, 145, 140)",
    "rgb(94, 190, 98)",
    "rgb(220, 190, 40)",
)
"""From the lowest accuracy to the highest, visible on a light and a dark page."""

SCALE = [(i / (len(COLOURS) - 1), colour) for i, colour in enumerate(COLOURS)]
"""The same for Plotly."""

ACCURACY = "validation accuracy, %"

MAX_LINES = 200
"""Maximum number of trials in a plot that draws each as a line: the best."""

MAX_POINTS = 2000
"""Maximum number of trials in the history, evenly spaced and with the last."""


@dataclass(frozen=True)
class Plot:
    """A plot with its heading.

    Arguments:
        title: above the plot.
        note: a sentence below the title, or nothing.
        traces, layout: as Plotly takes them.
    """

    title: str
    note: str
    traces: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]


def plots_of(results: Results) -> list[Plot]:
    """The plots that the results are sufficient for."""
    rows = results.best_distinct(MAX_LINES)
    if not rows:
        return []
    return [
        history_plot(results.rows),
        *slice_plots(results.space, rows),
        *curves_plots(results.rows),
        *importance_plots(results.importance),
        parallel_plot(results.space, rows),
    ]


def history_plot(rows: Sequence[Row]) -> Plot:
    """Accuracy by the number of the trial, and the best so far."""
    numbers = [i for i, row in enumerate(rows) if row.accuracy is not None and not row.repeats]
    highest = list(accumulate((percent(rows[i]) for i in numbers), max))
    every = -(-len(numbers) // MAX_POINTS)
    spaced = slice((len(numbers) - 1) % every, None, every)  # it includes the last
    drawn = [rows[i] for i in numbers[spaced]]
    trials = points([row.number for row in drawn], drawn) | {"name": "trial"}
    best = {
        "type": "scatter",
        "mode": "lines",
        "line": {"shape": "hv"},
        "name": "best so far",
        "x": trials["x"],
        "y": highest[spaced],
        "hovertemplate": f"best of trials 0 to %{{x}}: %{{y:.3g}} %{END}",
    }
    return Plot("History", "", [trials, best], sides("trial", ACCURACY))


def slice_plots(space: Space, rows: Sequence[Row]) -> list[Plot]:
    """Accuracy against each field."""
    return [
        Plot(
            axis.field,
            "",
            [points([row.parameters[axis.field] for row in rows], rows)],
            sides(axis.field, ACCURACY, scale_of(axis)),
        )
        for axis in space
    ]


def curves_plots(rows: Sequence[Row]) -> list[Plot]:
    """The validation accuracy of each trial after each epoch; nothing for trainings of an epoch."""
    several = (row for row in rows if len(row.curve) > 1)
    drawn = heapq.nlargest(MAX_LINES, several, key=lambda row: max(row.curve.values()))
    if not drawn:
        return []
    curves = [sorted(row.curve.items()) for row in drawn]
    finals = colours([curve[-1][1] for curve in curves])
    traces = [
        line(row, colour, [epoch for epoch, _ in curve], [100 * value for _, value in curve])
        | {"mode": "lines", "hovertemplate": f"{about(row)}<br>epoch %{{x}}: %{{y:.3g}} %{END}"}
        for row, colour, curve in zip(drawn, finals, curves, strict=True)
    ]
    note = "A line is a trial. The brighter it is, the higher its last accuracy."
    return [Plot("Learning curves", note, traces, sides("epoch", ACCURACY))]


def importance_plots(importance: Mapping[str, float]) -> list[Plot]:
    """The importance of each field, if there are several."""
    names = sorted(importance, key=importance.__getitem__)
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [importance[name] for name in names],
        "y": names,
        "text": [f"{importance[name]:.3g}" for name in names],
        "hovertemplate": f"%{{y}}: %{{x:.3g}}{END}",
    }
    note = "How much each field sets the best tenth of the trials apart (PED-ANOVA); the sum is 1."
    layout = sides("share", "") | {"margin": {"l": 110}}
    return [Plot("Importance", note, [bars], layout)] if len(names) > 1 else []


def parallel_plot(space: Space, rows: Sequence[Row]) -> Plot:
    """A line for each trial across its fields to its accuracy."""
    percents = list(map(percent, rows))
    names = [*(axis.field for axis in space), "validation %"]
    columns = [column(axis, [row.parameters[axis.field] for row in rows]) for axis in space]
    columns.append(number_column(percents, percents))
    traces = [
        line(row, colour, names, [heights[i] for heights, _ in columns])
        for i, (row, colour) in enumerate(zip(rows, colours(percents), strict=True))
    ]
    layout = {
        "yaxis": {"visible": False, "range": [-0.08, 1.08]},
        "xaxis": {"type": "category", "fixedrange": True},
        "annotations": [
            {"x": name, "y": at, "text": text, "showarrow": False, "xshift": 6, "xanchor": "left"}
            for name, (_, marks) in zip(names, columns, strict=True)
            for text, at in marks.items()
        ],
    }
    note = "A line is a trial: each field from its smallest value to its largest."
    return Plot("Parallel coordinates", note, traces[::-1], layout)  # the best on top


Column = tuple[list[float], dict[str, float]]
"""Heights from 0 to 1, one for each trial, and the marks on the axis: text and height."""


def column(axis: Axis, values: Sequence[Value]) -> Column:
    """An axis of the parallel coordinates."""
    if isinstance(axis, Choices):
        last = max(len(axis.labels) - 1, 1)
        marks = {label: i / last for i, label in enumerate(axis.labels)}
        return [marks[str(value)] for value in values], marks
    numbers = [float(value) for value in values]
    return number_column(numbers, [axis.scale(number) for number in numbers])


def number_column(numbers: Sequence[float], scaled: Sequence[float]) -> Column:
    """An axis of numbers, with its ends marked."""
    marks = {shown(min(numbers)): 0.0, shown(max(numbers)): 1.0}
    return between(scaled), marks if len(marks) > 1 else dict.fromkeys(marks, 0.5)


def between(values: Sequence[float]) -> list[float]:
    """Values from the smallest, 0, to the largest, 1; 0.5 if all are equal."""
    low, high = min(values), max(values)
    return [0.5 if low == high else (value - low) / (high - low) for value in values]


def colours(values: Sequence[float]) -> list[str]:
    """A colour for each value, from violet for the smallest to yellow for the largest."""
    from plotly.colors import sample_colorscale

    return list(sample_colorscale(COLOURS, between(values)))


def points(x: Sequence[Value], rows: Sequence[Row]) -> dict[str, Any]:
    """A trace with a point for each trial, coloured by its accuracy."""
    percents = list(map(percent, rows))
    return {
        "type": "scatter",
        "mode": "markers",
        "showlegend": False,
        "x": list(x),
        "y": percents,
        "text": [about(row) for row in rows],
        "marker": {"size": 9, "color": percents, "colorscale": SCALE},
        "hovertemplate": f"%{{text}}{END}",
    }


def line(row: Row, colour: str, x: Sequence[Value], y: Sequence[float]) -> dict[str, Any]:
    """A trace with the line of one trial."""
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"trial {row.number}",
        "showlegend": False,
        "line": {"width": 1.3, "color": colour},
        "marker": {"size": 4},
        "x": x,
        "y": y,
        "hovertemplate": about(row) + END,
    }


END = "<extra></extra>"
"""Ends a hover text; without it Plotly adds the name of the trace."""


def sides(x: str, y: str, scale: str | None = None) -> dict[str, Any]:
    """A layout with titles of its axes."""
    horizontal: dict[str, Any] = {"title": {"text": x}, "exponentformat": "power"}
    if scale is not None:
        horizontal["type"] = scale
    return {"xaxis": horizontal, "yaxis": {"title": {"text": y}}}


def scale_of(axis: Axis) -> str:
    """Plotly's type of an axis."""
    if isinstance(axis, Choices):
        return "category"
    return "log" if axis.log else "linear"


def percent(row: Row) -> float:
    """Validation accuracy in percent; 0 if the trial has not finished."""
    return 100 * (row.accuracy or 0.0)


def about(row: Row) -> str:
    """The text under the pointer."""
    fields = "<br>".join(f"{field} {shown(value)}" for field, value in row.parameters.items())
    end = f"{percent(row):.3g} %" if row.accuracy is not None else row.status
    return f"trial {row.number}<br>{fields}<br>{end}"
