"""The result of `compare` as a dictionary for JSON and as one self-contained HTML file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compare.numerics.agreement import CaseVerdict, Verdict, overall
from compare.reports.pictures import gradient_heat_map, lockstep_figure
from compare.twins.curves import CurveVerdict
from compare.twins.lockstep import Lockstep
from twingrad.files import write_json
from twingrad.history import History
from twingrad.pages import as_data_uri, render_page, scientific, write_page


@dataclass(frozen=True)
class Report:
    """The result of `compare`.

    Arguments:
        title: what was compared.
        cases: gradients.
        golden: golden files; empty where none was given.
        lockstep: the float64 training of both.
        curves: the float32 trainings.
        recipe, environment, dataset: JSON-ready, what it was found with.
    """

    title: str
    cases: Sequence[CaseVerdict]
    golden: Sequence[CaseVerdict]
    lockstep: Lockstep
    curves: CurveVerdict
    recipe: Mapping[str, Any]
    environment: Mapping[str, Any]
    dataset: Mapping[str, Any]

    @property
    def verdict(self) -> Verdict:
        return overall(
            [
                *(case.verdict for case in [*self.cases, *self.golden]),
                self.lockstep.verdict,
                self.curves.verdict,
            ]
        )

    def as_json(self) -> dict[str, Any]:
        """The format of `check`, with the other comparisons in addition."""
        return {
            "verdict": self.verdict,
            "title": self.title,
            "cases": [case.as_json() for case in self.cases],
            "golden": [case.as_json() for case in self.golden],
            "lockstep": self.lockstep.as_json(),
            "curves": self.curves.as_json(),
            "recipe": dict(self.recipe),
            "environment": dict(self.environment),
            "dataset": dict(self.dataset),
        }


def write_report(folder: Path, report: Report, curves: Mapping[str, History]) -> None:
    """Write report.json, report.html and figures/ into the folder.

    Arguments:
        folder: exists.
        report: what to write.
        curves: the histories to draw, by label.
    """
    from twingrad.figures import curves_figure

    figures = {
        "gradients": gradient_heat_map(report.cases),
        "lockstep": lockstep_figure(report.lockstep),
        "curves": curves_figure(curves, report.title),
    }
    (folder / "figures").mkdir(exist_ok=True)
    for name, figure in figures.items():
        figure.savefig(folder / "figures" / f"{name}.png", dpi=110)
    write_json(folder / "report.json", report.as_json())
    addresses = {name: as_data_uri(figure, "svg") for name, figure in figures.items()}
    write_page(folder / "report.html", render(report, addresses))


def render(report: Report, figures: Mapping[str, str]) -> str:
    """The page as HTML.

    Arguments:
        figures: their addresses by name.
    """
    return render_page(
        Path(__file__).with_name("compare_report.html.jinja"),
        filters={"sci": scientific},
        report=report,
        figures=figures,
    )
