"""A sweep's findings as files in its folder."""

from pathlib import Path

from sweeps.output.report import render
from sweeps.output.results import Results
from twingrad.files import write_json, write_whole
from twingrad.pages import write_page


def write_numbers(folder: Path, results: Results) -> None:
    """Write results.json and results.csv into a sweep's folder.

    Raises:
        OSError: one cannot be written.
    """
    write_json(folder / "results.json", results.as_json())
    write_whole(folder / "results.csv", results.as_csv().encode())


def write_results(folder: Path, results: Results) -> None:
    """Write results.json, results.csv and report.html into a sweep's folder.

    Raises:
        OSError: one cannot be written.
    """
    write_numbers(folder, results)
    write_page(folder / "report.html", render(results))
