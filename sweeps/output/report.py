"""A sweep as one HTML file that needs no other."""

import json
from pathlib import Path

from sweeps.output.folder import has_curves
from sweeps.output.plots import plots_of
from sweeps.output.results import Results, counts, shown, table_of
from twingrad.pages import render_page

LINES = 200
"""How many rows the table shows; results.csv has all."""


def render(results: Results) -> str:
    """The page."""
    plots, (headings, body) = plots_of(results), table_of(results, LINES)
    drawn = [{"data": plot.traces, "layout": plot.layout} for plot in plots]
    return render_page(
        Path(__file__).with_name("sweep.html.jinja"),
        filters={"percent": lambda value: f"{100 * value:.2f} %", "short": shown},
        results=results,
        counts=counts(results),
        curves=has_curves(results.settings),
        headings=headings,
        body=body,
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
