"""A sweep's findings as files in its folder."""

from pathlib import Path

from common.files import write_json, write_whole
from common.pages import write_page
from sweeps.report import render
from sweeps.results import Results


def write_numbers(folder: Path, results: Results) -> None:
    """Writes results.json and results.csv into a sweep's folder.

    Raises:
        OSError: one cannot be written.
    """
    write_json(folder / "results.json", results.as_json())
    write_whole(folder / "results.csv", results.as_csv().encode())


def write_results(folder: Path, results: Results) -> None:
    """Writes results.json, results.csv and report.html into a sweep's folder.

    Raises:
        OSError: one cannot be written.
    """
    write_numbers(folder, results)
    write_page(folder / "report.html", render(results))
