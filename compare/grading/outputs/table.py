"""Grades as a table in the terminal."""

from rich.table import Table
from rich.text import Text

from compare.grading.judged import Judged, shortened
from compare.grading.outputs.results import Grades, number

LONGEST = 300
"""Maximum length of a reason."""

COLOUR = {"right": "green", "wrong": "bold red", "could not run": "bold magenta"}


def grades_table(grades: Grades) -> Table:
    """One row for each submission."""
    table = Table(title=Text(grades.rubric.title))
    for heading in ("name", "outcome", f"points of {number(grades.rubric.total)}"):
        table.add_column(heading, overflow="fold")
    if len(grades.rubric.quantities) > 1:
        for quantity in grades.rubric.quantities:
            table.add_column(Text(f"{quantity.name}, {number(quantity.points)}"), overflow="fold")
    table.add_column("noted", overflow="fold")
    for _, graded in grades.graded:
        judged = graded.judged
        earned = [number(one.points) for one in graded.earned]
        table.add_row(
            Text(shown(judged.name)),
            Text(judged.outcome, style=COLOUR[judged.outcome]),
            number(graded.points),
            *(earned if len(earned) > 1 else ()),
            Text("; ".join([*judged.used.packages, *judged.used.ours])),
        )
    return table


def line(judged: Judged, known: bool) -> Text:
    """One verdict, printed as soon as it is known."""
    said = Text(f"{shown(judged.name)}: ")
    said.append(judged.outcome, style=COLOUR[judged.outcome])
    if judged.reason:
        said.append(f": {shortened(judged.reason, LONGEST)}")
    how = "judged before" if known else f"{judged.comparisons} comparisons, {judged.seconds:.1f} s"
    said.append(f" ({how})", style="dim")
    return said


def shown(name: str) -> str:
    """A name without control characters."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)
