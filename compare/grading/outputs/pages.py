"""Grades as HTML pages: one for each student, and an overview."""

from pathlib import Path

from compare.grading.outputs.results import Grades, notes, number
from compare.grading.points import Graded
from twingrad.pages import render_page

HERE = Path(__file__).parent


def student_page(grades: Grades, graded: Graded) -> str:
    """The page of one submission: its points, the reasons, and the report of the check."""
    return render_page(
        HERE / "student.html.jinja",
        filters={"number": number},
        grades=grades,
        graded=graded,
        judged=graded.judged,
        notes=notes(graded),
    )


def overview(grades: Grades) -> str:
    """One row for each submission, with a link to its page."""
    return render_page(
        HERE / "overview.html.jinja", filters={"number": number}, grades=grades, notes=notes
    )
