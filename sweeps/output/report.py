"""A sweep as one HTML file that needs no other."""

import json
from pathlib import Path

from sweeps.output.folder import has_curves
from sweeps.output.plots import plots_of
from sweeps.output.results import Results, counts, shown
from sweeps.study.trial import Row, ranked
from twingrad.pages import render_page

LINES = 200
"""How many rows the table shows; results.csv has all."""


def render(results: Results) -> str:
    """The page."""
    plots = plots_of(results)
    drawn = [{"data": plot.traces, "layout": plot.layout} for plot in plots]
    return render_page(
        Path(__file__).with_name("sweep.html.jinja"),
        filters={"percent": lambda value: f"{100 * value:.2f} %", "short": shown},
        results=results,
        counts=counts(results),
        curves=has_curves(results.settings),
        headings=headings(results),
        body=[cells(results, row) for row in ranked(results.rows) if not row.repeats][:LINES],
        said=[row for row in results.rows if row.outcome and row.outcome.said],
        plots=plots,
        # no "<" in it, so that no text ends the script
        drawn=json.dumps(drawn).replace("<", "\\u003c"),
        plotly=plotly_script() if plots else "",
    )


def plotly_script() -> str:
    """Plotly's code, all of it: the page loads nothing."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def headings(results: Results) -> list[str]:
    """Column headings of the table of trials."""
    staged = ["stage"] if len(results.stages) > 1 else []
    fields = [axis.field for axis in results.space]
    return ["trial", *staged, *fields, "validation %", "training %", "validation loss", "seconds"]


def cells(results: Results, row: Row) -> list[tuple[str, str]]:
    """A row of it: of each cell the text, and what it is sorted by."""
    outcome = row.outcome
    assert outcome is not None
    assert outcome.training is not None
    assert outcome.validation is not None
    staged = [row.stage] if len(results.stages) > 1 else []
    values: list[object] = [row.number, *staged]
    values += [row.parameters[axis.field] for axis in results.space]
    values += [100 * outcome.validation.accuracy, 100 * outcome.training.accuracy]
    values += [outcome.validation.loss, outcome.seconds]
    return [(shown(value), str(value)) for value in values]
