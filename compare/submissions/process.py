"""Starting the child, waiting for it, ending it, and saying what became of it."""

import json
import os
import re
import signal
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from compare.processes import Printed, environment, run_bounded
from compare.submissions.child.importing import locate
from compare.submissions.exchange import HUNG, REQUEST, as_submission, read_result
from compare.submissions.request import Request
from compare.submissions.source import Source
from compare.submissions.submission import Finding, Submission
from twingrad.errors import UserError


def run_code(
    path: Path, name: str | None, request: Request, *, time_limit: float = 60.0
) -> Submission:
    """Runs somebody's file in a child process and hands back what it computed.

    Arguments:
        path: a Python file.
        name: of the function, class or object in it; None lets its layout tell.
        request: what to try.
        time_limit: seconds for everything, the child's start included.

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
    with tempfile.TemporaryDirectory(prefix="twingrad-") as temporary:
        folder = Path(temporary)
        # the child says where it is this long before its end
        margin = min(0.5, 0.2 * time_limit)
        deadline = time.time() + time_limit - margin
        asked = {
            "path": str(path),
            "name": name,
            "request": asdict(request),
            "deadline": deadline,
            "started_in": os.getcwd(),
        }
        (folder / REQUEST).write_text(json.dumps(asked))
        status, printed = run_child(path, folder, time_limit)
        result = read_result(folder)
        if result.get("unusable"):
            raise UserError(result["unusable"])
        source = locate(path)
        findings = noise(printed, source)
        if not result.get("done"):
            findings.insert(0, ending(status, time_limit, source, folder))
        return as_submission(path, folder, result, findings, printed.text)


def run_child(path: Path, folder: Path, time_limit: float) -> tuple[int | None, Printed]:
    """Runs the child to its end, or ends it.

    Returns:
        Its exit status, None if time ran out; and what it printed.
    """
    values = environment()
    ours = str(Path(__file__).resolve().parents[2])
    values["PYTHONPATH"] = os.pathsep.join(filter(None, [ours, values.get("PYTHONPATH")]))
    command = [sys.executable, "-P", "-u", "-m", "compare.submissions.child.main", str(folder)]
    return run_bounded(command, folder=path.parent, environment=values, seconds=time_limit)


def ending(status: int | None, time_limit: float, source: Source, folder: Path) -> Finding:
    """Why the child did not come to its end."""
    line, where = last_place(source, folder)
    if status is None:
        said = f"the code was not done after {time_limit:g} s and was ended"
        return Finding("hang", said + (f"; it was {where}" if where else ""), line, True)
    if status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        said = f"the process was ended by {name}" + (f" {where}" if where else "")
        return Finding("exit", said, line, True)
    ends = [i for i, text in enumerate(source.path.read_text().splitlines(), 1) if "_exit" in text]
    line = ends[0] if ends else None
    where = f": {source.text(line)}, line {line}" if line else ""
    return Finding(
        "exit", f"the code ended the process with exit status {status}{where}", line, True
    )


def last_place(source: Source, folder: Path) -> tuple[int | None, str]:
    """The deepest line of the user's that the child was at, from what it wrote of itself."""
    file = folder / HUNG
    text = file.read_text(errors="replace") if file.is_file() else ""
    frames = re.findall(r'File "(.+?)", line (\d+) in (\S+)', text)
    for filename, number, function in frames:
        if filename == str(source.path):
            line = int(number)
            inside = "" if function == "<module>" else f" in {function}"
            return line, f"at line {line}{inside}: {source.text(line)}"
        if source.is_users(filename):
            return None, f"in {Path(filename).name}, line {number}, in {function}"
    return None, ""


def noise(printed: Printed, source: Source) -> list[Finding]:
    """What the code printed, in one sentence."""
    text = printed.text.strip()
    if not text:
        return []
    first = text.splitlines()[0]
    found = re.match(re.escape(str(source.path)) + r":(\d+): ", first)
    lines = max(1, printed.lines)
    said = f"the code printed {lines} line{'s' if lines > 1 else ''}, first: {first[:200]}"
    return [Finding("noise", said, int(found[1]) if found else None, False)]
