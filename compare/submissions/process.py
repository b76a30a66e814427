"""One file examined in a process of its own, and what became of the process."""

import re
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from compare.processes import Ending
from compare.submissions.asking.examining import examine
from compare.submissions.asking.importing import locate
from compare.submissions.connection import AgentGone, Connection
from compare.submissions.interpreter import Interpreter, choose_interpreter
from compare.submissions.report import Report
from compare.submissions.request import Request
from compare.submissions.session import CURRENT, Session
from compare.submissions.source import Source
from compare.submissions.submission import Finding, Submission
from twingrad.errors import UserError


def run_code(
    path: Path,
    name: str | None,
    request: Request,
    *,
    time_limit: float = 60.0,
    python: Path | None = None,
) -> Submission:
    """Runs somebody's file in a process of its own and returns what it computed.

    Arguments:
        path: a Python file.
        name: of the function, class or object in it; None lets its layout tell.
        request: what to try.
        time_limit: seconds for everything, the start of the process included.
        python: the interpreter that runs the code; None chooses one.

    Returns:
        The answers, and findings for whatever the code did instead of answering.

    Raises:
        UserError: no such file, not Python, no such name in it, or a layout that is not known.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "no such file"
        raise UserError(f"{path}: {what}, but a Python file with your code was expected")
    if path.suffix == ".ipynb":
        raise UserError(f"{path} is a notebook; try: twingrad watch {path}")
    if path.suffix != ".py":
        raise UserError(
            f"{path} is no .py file; for other languages see docs/your_own_code.md (golden files)"
        )
    path = path.resolve()
    connection = Connection(choose_interpreter(path, python), path.parent, time_limit)
    return run_in(connection, path, name, request)


def run_in(
    connection: Connection,
    path: Path,
    name: str | None,
    request: Request,
    around: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Submission:
    """The same in a process that was started for it, which is ended.

    Arguments:
        around: entered once the process answers, and left after its last answer.
    """
    report, source = Report(), locate(path)
    interpreter, time_limit = connection.interpreter, connection.time_limit
    token = CURRENT.set(Session(connection, interpreter.version[:2]))
    done = False
    try:
        with around():
            examine(path, name, request, report)
        done = True
    except AgentGone:
        pass
    finally:
        CURRENT.reset(token)
        stacks, ended = end(connection, interpreter)
    findings = noise(connection.printed.text, connection.printed.lines, source)
    if not done:
        findings.insert(0, ending(connection, ended, time_limit, source, stacks))
    return report.submission(path, findings, connection.printed.text, str(interpreter))


def end(connection: Connection, interpreter: Interpreter) -> tuple[str, Ending]:
    """Ends the process; where it was, and how it ended.

    Raises:
        UserError: it could not be started.
    """
    try:
        ended = connection.close()
    except OSError as error:
        raise UserError(
            f"{interpreter.path}: cannot be started ({error.strerror}); name a Python with "
            "--python PATH"
        ) from error
    return connection.stacks_text(), ended


def ending(
    connection: Connection, ended: Ending, time_limit: float, source: Source, stacks: str
) -> Finding:
    """Why the child did not come to its end."""
    line, where = last_place(source, stacks)
    at = f"; it was {where}" if where else ""
    if connection.timed_out:
        return Finding(
            "hang", f"the code was not done after {time_limit:g} s and was ended{at}", line, True
        )
    if connection.printed_too_much:
        return Finding("exit", f"the code printed without end and was ended{at}", line, True)
    if ended.reason:
        said = ended.reason.removeprefix("it ")
        return Finding("exit", f"the code {said} and was ended", None, True)
    if ended.status is None or ended.status < 0:
        try:
            name = signal.Signals(-(ended.status or signal.SIGKILL)).name
        except ValueError:
            name = f"signal {-(ended.status or 0)}"
        said = f"the process was ended by {name}" + (f" {where}" if where else "")
        return Finding("exit", said, line, True)
    ends = [
        i
        for i, text in enumerate(source.content.decode(errors="replace").splitlines(), 1)
        if "_exit" in text
    ]
    line = ends[0] if ends else None
    where = f": {source.text(line)}, line {line}" if line else ""
    return Finding(
        "exit", f"the code ended the process with exit status {ended.status}{where}", line, True
    )


def last_place(source: Source, stacks: str) -> tuple[int | None, str]:
    """The deepest line of the user's that the child was at, from what it wrote of itself."""
    frames = re.findall(r'File "(.+?)", line (\d+) in (\S+)', stacks)
    for filename, number, function in frames:
        if filename == str(source.path):
            line = int(number)
            inside = "" if function == "<module>" else f" in {function}"
            return line, f"at line {line}{inside}: {source.text(line)}"
        if source.is_users(filename):
            return None, f"in {Path(filename).name}, line {number}, in {function}"
    return None, ""


def noise(text: str, lines: int, source: Source) -> list[Finding]:
    """What the code printed, in one sentence.

    Arguments:
        text: its beginning.
        lines: how many there were.
    """
    text = text.strip()
    if not text:
        return []
    first = text.splitlines()[0]
    found = re.match(re.escape(str(source.path)) + r":(\d+): ", first)
    lines = max(1, lines)
    said = f"the code printed {lines} line{'s' if lines > 1 else ''}, first: {first[:200]}"
    return [Finding("noise", said, int(found[1]) if found else None, False)]
