"""The results of a sweep as one HTML file that needs no other."""

import json
from itertools import islice
from pathlib import Path

from sweeps.output.plots import plots_of
from sweeps.output.results import Results, point, table_of
from twingrad.pages import render_page, write_page

LINES = 200
"""Maximum number of rows in a table of the page; results.csv has all."""


def write_report(folder: Path, results: Results) -> None:
    """Write report.html into a sweep's folder; OSError if it cannot be written."""
    write_page(folder / "report.html", render(results))


def render(results: Results) -> str:
    """The page as HTML."""
    plots, (headings, body) = plots_of(results), table_of(results, LINES)
    drawn = [{"data": plot.traces, "layout": plot.layout} for plot in plots]
    unfinished = (row for row in results.rows if row.outcome and row.outcome.said)
    return render_page(
        Path(__file__).with_name("sweep.html.jinja"),
        filters={"percent": lambda value: f"{100 * value:.2f} %", "point": point},
        results=results,
        curves=results.settings.get("curves", True),
        headings=headings,
        body=body,
        unfinished=list(islice(unfinished, LINES)),
        plots=plots,
        # without "<", so that no text can end the script
        drawn=json.dumps(drawn).replace("<", "\\u003c"),
        plotly=plotly_script() if plots else "",
    )


def plotly_script() -> str:
    """The source of plotly.js, which is part of the page."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())
