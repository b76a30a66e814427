"""The grades of a course as CSV, JSON, JUnit XML and Gradescope's results.json."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from compare.grading.entries import Entry
from compare.grading.points import Graded
from compare.grading.rubric import Rubric
from compare.reports.junit import legal

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters of cells that spreadsheets treat as formulas."""


BEFORE = ("name", "file", "outcome", "points", "out of")
AFTER = (
    "reason",
    "points lost",
    "comparisons",
    "conventions",
    "imports",
    "reads twingrad",
    "seconds",
)
"""Columns of the table, before and after those of the quantities."""


@dataclass(frozen=True)
class Grades:
    """The grades of all submissions.

    Arguments:
        rubric: what points were given for.
        seed: of the hidden inputs.
        isolation: what was kept from the submissions and what not, in sentences.
        graded: every submission with its points, in the order of the names.
        ignored: names of files that are no submission.
    """

    rubric: Rubric
    seed: int
    isolation: tuple[str, ...]
    graded: tuple[tuple[Entry, Graded], ...]
    ignored: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """The number of submissions with each outcome."""
        outcomes = [one.judged.outcome for _, one in self.graded]
        return {name: outcomes.count(name) for name in ("right", "wrong", "could not run")}


def number(value: float) -> str:
    """Points as text, without decimals if they are a whole number."""
    return f"{value:g}"


def as_json(grades: Grades) -> dict[str, Any]:
    """Everything except the pages, ready for JSON."""
    return {
        "title": grades.rubric.title,
        "out_of": grades.rubric.total,
        "seed": grades.seed,
        "isolation": list(grades.isolation),
        "ignored": list(grades.ignored),
        "counts": grades.counts,
        "submissions": [submission_json(graded) for _, graded in grades.graded],
    }


def submission_json(graded: Graded) -> dict[str, Any]:
    """One submission, ready for JSON."""
    judged = graded.judged.as_json()
    del judged["page"]
    quantities = [
        {
            "name": one.quantity.name,
            "points": one.points,
            "out_of": one.quantity.points,
            "why": one.why,
        }
        for one in graded.earned
    ]
    return {"points": graded.points, "quantities": quantities, **judged}


def csv_text(grades: Grades) -> str:
    """One row for each submission."""
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    names = [quantity.name for quantity in grades.rubric.quantities]
    table.writerow([*BEFORE, *map(cell, names), *AFTER])
    for _, graded in grades.graded:
        judged = graded.judged
        row: Sequence[Any] = [
            judged.name,
            judged.file,
            judged.outcome,
            number(graded.points),
            number(grades.rubric.total),
            *(number(one.points) for one in graded.earned),
            judged.reason,
            "; ".join(graded.lost),
            judged.comparisons,
            ", ".join(judged.conventions),
            ", ".join(judged.used.packages),
            "; ".join(judged.used.ours),
            judged.seconds,
        ]
        table.writerow(map(cell, map(str, row)))
    return buffer.getvalue()


def cell(text: str) -> str:
    """The text of a cell that spreadsheets do not treat as a formula."""
    text = text.encode("utf-8", "replace").decode()
    return "'" + text if text.startswith(FORMULA) else text


def junit_text(grades: Grades) -> str:
    """One suite for each submission and one test for each quantity; a submission that could not run
    is an error."""
    root = ElementTree.Element("testsuites", name="twingrad grade")
    totals = {"tests": 0, "failures": 0, "errors": 0}
    for _, graded in grades.graded:
        judged = graded.judged
        suite = ElementTree.SubElement(root, "testsuite", name=legal(judged.name))
        counts = {"tests": len(graded.earned), "failures": 0, "errors": 0}
        for one in graded.earned:
            test = ElementTree.SubElement(
                suite, "testcase", classname=legal(judged.name), name=legal(one.quantity.name)
            )
            if one.why:
                error = judged.outcome == "could not run"
                kind = "error" if error else "failure"
                ElementTree.SubElement(test, kind, type=judged.outcome, message=legal(one.why))
                counts["errors" if error else "failures"] += 1
        suite.attrib.update({name: str(count) for name, count in counts.items()})
        totals = {name: totals[name] + counts[name] for name in totals}
    root.attrib.update({name: str(count) for name, count in totals.items()})
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"


def gradescope(graded: Graded) -> Mapping[str, Any]:
    """One submission in the format of Gradescope's autograder.

    Source: https://gradescope-autograders.readthedocs.io/en/latest/specs/#output-format
    """
    judged = graded.judged
    said = [f"{judged.outcome}: {judged.reason}" if judged.reason else judged.outcome]
    said += notes(graded)
    return {
        "score": graded.points,
        "execution_time": judged.seconds,
        "output": "\n".join(said),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [
            {
                "name": one.quantity.name,
                "name_format": "text",
                "score": one.points,
                "max_score": one.quantity.points,
                "status": "failed" if one.why else "passed",
                "output": one.why or "every comparison agrees",
                "output_format": "text",
            }
            for one in graded.earned
        ],
    }


def notes(graded: Graded) -> list[str]:
    """Further information on a submission, in lines."""
    judged, said = graded.judged, []
    if judged.used.packages:
        said.append(f"imports {', '.join(judged.used.packages)}")
    said += judged.used.ours
    said += judged.findings
    if judged.not_checked:
        said.append(f"not checked: {', '.join(judged.not_checked)}")
    return said
