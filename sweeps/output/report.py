"""A sweep as one HTML file that needs no other."""

from pathlib import Path

from sweeps.output.figures import parallel_figure, rate_penalty_figure, slice_figure
from sweeps.output.folder import has_curves
from sweeps.output.results import Results, counts, table_of
from sweeps.study.trial import ranked
from twingrad.pages import as_data_uri, render_page

LINES = 200
"""How many rows the table shows; results.csv has all."""


def render(results: Results) -> str:
    """The page."""
    headings, body = table_of(results, LINES)
    return render_page(
        Path(__file__).with_name("sweep.html.jinja"),
        filters={"percent": lambda value: f"{100 * value:.2f} %"},
        results=results,
        counts=counts(results),
        curves=has_curves(results.settings),
        headings=headings,
        body=body,
        said=[row for row in results.rows if row.outcome and row.outcome.said],
        pictures=pictures(results),
    )


def pictures(results: Results) -> list[tuple[str, str]]:
    """What each picture shows, and the picture as an address; none before a trial finished."""
    if not ranked(results.rows):
        return []
    figures = [
        ("validation accuracy by field", slice_figure(results)),
        ("parallel coordinates", parallel_figure(results)),
        ("learning rate by penalty", rate_penalty_figure(results)),
    ]
    return [(name, as_data_uri(figure, "png")) for name, figure in figures if figure is not None]
