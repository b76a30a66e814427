"""`twingrad grade`: submissions of a course, judged in isolation."""

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

from scripts import options
from scripts.output import Output
from scripts.program import AGREED
from twingrad.errors import UserError

MEGABYTE = 1_000_000


def grade(
    folder: Annotated[
        Path, typer.Argument(help="Holds a .py file or a folder for each submission.")
    ],
    rubric: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="TOML: what earns points. [1 point if all that was compared agrees]",
        ),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The file to judge in a submission that is a folder."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The function, class or object to judge in each file.")
    ] = None,
    single: Annotated[
        bool, typer.Option("--single", help="FOLDER is one submission, as on Gradescope.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the results go. [runs/grade-FOLDER]")
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Submissions at a time. [one a core]")] = None,
    time_limit: Annotated[float, typer.Option(help="Seconds for each submission.")] = 60.0,
    memory: Annotated[int, typer.Option(help="Megabytes of memory for each.")] = 2000,
    disk: Annotated[int, typer.Option(help="Megabytes that each may write.")] = 200,
    processes: Annotated[int, typer.Option(help="Processes that each may have.")] = 32,
    python: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="The Python that runs them. [that of twingrad]"),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Seed of the hidden inputs. [that of the results so far, else random]"),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Judge again what was judged before.")
    ] = False,
    json: options.Json = None,
    quiet: options.Quiet = False,
) -> int:
    """Judge submissions of a course in isolation: tables, pages, JUnit, Gradescope.

    What was judged before is not judged again unless it changed. Example: twingrad grade
    submissions --rubric rubric.toml
    """
    from compare.confinement import Limits
    from compare.grading.entries import find_entries
    from compare.grading.grading import grades_of, judge_folder, write_results
    from compare.grading.isolation import described, isolation_for
    from compare.grading.judged import Judged
    from compare.grading.judging import Conditions
    from compare.grading.outputs.results import as_json
    from compare.grading.outputs.table import grades_table, line
    from compare.grading.records import Records
    from compare.grading.rubric import read_rubric
    from compare.submissions import Request
    from compare.submissions.interpreter import interpreter_at

    output = Output(json, quiet)
    at_least("--time-limit", time_limit, 0.1)
    at_least("--memory", memory, 100)
    at_least("--disk", disk, 1)
    at_least("--processes", processes, 1)
    at_least("--jobs", 1 if jobs is None else jobs, 1)
    at_least("--seed", 0 if seed is None else seed, 0)
    chosen = read_rubric(rubric)
    entries, ignored = find_entries(folder, single=single)
    interpreter = interpreter_at(python)
    out = Path("runs") / f"grade-{folder.resolve().stem}" if out is None else out
    if overwrite:
        shutil.rmtree(out / "records", ignore_errors=True)
    records = Records(out)
    with output.busy("trying what can be isolated here"):
        isolation = isolation_for(interpreter.path)
    for said in described(isolation):
        output.print(said, markup=False)
    conditions = Conditions(
        interpreter,
        Request(seed=records.seed(seed)),
        Limits(time_limit, memory * MEGABYTE, disk * MEGABYTE, processes),
        isolation,
        file,
        name,
    )
    verdicts: dict[str, Judged] = {}

    def tell(judged: Judged, known: bool) -> None:
        verdicts[judged.name] = judged
        counted = f"{len(verdicts):{len(str(len(entries)))}}/{len(entries)} "
        output.print(counted, line(judged, known), markup=False, sep="")

    interrupted = False
    try:
        judge_folder(entries, conditions, records, jobs or cores(), tell)
    except KeyboardInterrupt:
        interrupted = True
    result = grades_of(entries, verdicts, chosen, conditions, ignored)
    write_results(out, result)
    if interrupted:
        done = f"{len(verdicts)} of {len(entries)} judged and kept in {out}"
        command = "the same command without --overwrite" if overwrite else "the same command"
        output.print(f"{done}; {command} continues", markup=False)
        raise KeyboardInterrupt
    output.print(grades_table(result))
    counts = ", ".join(f"{count} {outcome}" for outcome, count in result.counts.items())
    output.print(f"{counts}; results in {out}", markup=False)
    if ignored:
        output.print(f"ignored, as they are no submissions: {', '.join(ignored)}", markup=False)
    output.write(as_json(result))
    return AGREED


def at_least(option: str, value: float, least: float) -> None:
    """Raises UserError if an option is below its least value, or not finite."""
    if not least <= value < float("inf"):
        raise UserError(f"{option} is {value:g}; expected at least {least:g}")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    from scripts.program import run_command

    run_command(grade)
