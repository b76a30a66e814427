"""Grade a folder of submissions."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from compare.grading.entries import Entry
from compare.grading.isolation import described
from compare.grading.judged import Judged
from compare.grading.judging import Conditions
from compare.grading.outputs.pages import overview, student_page
from compare.grading.outputs.results import Grades, as_json, csv_text, gradescope, junit_text
from compare.grading.points import grade
from compare.grading.records import Records
from compare.grading.rubric import Rubric
from compare.grading.workers import judge_all
from twingrad.errors import UserError
from twingrad.files import write_json, write_whole
from twingrad.pages import write_page


def judge_folder(
    entries: Sequence[Entry],
    conditions: Conditions,
    records: Records,
    jobs: int,
    tell: Callable[[Judged, bool], None],
) -> None:
    """Judge every submission that has no verdict yet.

    Arguments:
        records: stored verdicts; each new one is stored as soon as it is known.
        jobs: number of submissions judged at the same time.
        tell: called with each verdict, and whether it was stored.
    """
    known = {entry.name: records.find(entry, conditions) for entry in entries}
    for before in known.values():
        if before is not None:
            tell(before, True)
    by_name = {entry.name: entry for entry in entries}
    scratch = Path(tempfile.mkdtemp(prefix="twingrad-"))
    scratch.chmod(0o711)  # a submission may run as another user
    try:
        waiting = [entry for entry in entries if known[entry.name] is None]
        for judged in judge_all(waiting, conditions, jobs, scratch):
            records.keep(by_name[judged.name], conditions, judged)
            tell(judged, False)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def grades_of(
    entries: Sequence[Entry],
    verdicts: dict[str, Judged],
    rubric: Rubric,
    conditions: Conditions,
    ignored: Sequence[str],
) -> Grades:
    """The points of all submissions that have a verdict."""
    return Grades(
        rubric,
        conditions.request.seed,
        tuple(described(conditions.isolation)),
        tuple((e, grade(verdicts[e.name], rubric)) for e in entries if e.name in verdicts),
        tuple(ignored),
    )


def write_results(folder: Path, grades: Grades) -> None:
    """Write every output into a folder; each file is written completely or not at all.

    Raises:
        UserError: one cannot be written.
    """
    try:
        for name in ("students", "gradescope"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for entry, graded in grades.graded:
            page = student_page(grades, graded)
            write_page(folder / "students" / f"{entry.slug}.html", page)
            write_json(folder / "gradescope" / f"{entry.slug}.json", gradescope(graded))
        write_page(folder / "index.html", overview(grades))
        write_json(folder / "results.json", as_json(grades))
        write_whole(folder / "grades.csv", csv_text(grades).encode())
        write_whole(folder / "junit.xml", junit_text(grades).encode())
    except OSError as error:
        raise UserError(f"--out {folder}: cannot be written ({error.strerror})") from error
