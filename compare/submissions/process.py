"""Starting the child, waiting for it, ending it, and saying what became of it."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import IO

from compare.submissions.child.importing import locate
from compare.submissions.exchange import HUNG, REQUEST, as_submission, read_result
from compare.submissions.request import Request
from compare.submissions.source import Source
from compare.submissions.submission import Finding, Submission
from twingrad.errors import UserError

KEPT = 2000
"""Characters of printed text that are kept."""

ONE_THREAD = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")


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


class Printed(threading.Thread):
    """Reads all that a process prints, and keeps its beginning."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self.stream, self.head, self.lines, self.bytes = stream, b"", 0, 0

    def run(self) -> None:
        while chunk := self.stream.read1(65536):  # type: ignore[attr-defined]
            self.head += chunk[: max(0, 4 * KEPT - len(self.head))]
            self.lines += chunk.count(b"\n")
            self.bytes += len(chunk)

    @property
    def text(self) -> str:
        """The beginning, as text."""
        return self.head.decode(errors="replace")[:KEPT]


def run_child(path: Path, folder: Path, time_limit: float) -> tuple[int | None, Printed]:
    """Runs the child to its end, or ends it.

    Returns:
        Its exit status, None if time ran out; and what it printed.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", "-u", "-m", "compare.submissions.child.main", str(folder)],
        cwd=path.parent,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    printed = Printed(process.stdout)
    printed.start()
    status: int | None = None
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = process.wait(time_limit)
    finally:
        end_group(process)
    printed.join(timeout=5)
    process.stdout.close()
    return status, printed


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends the child and whatever it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def environment() -> dict[str, str]:
    """One BLAS thread, no windows, and our packages to be found from any folder."""
    values = dict(os.environ)
    values |= {f"{library}_NUM_THREADS": "1" for library in ONE_THREAD}
    values |= {"MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"}
    ours = str(Path(__file__).resolve().parents[2])
    values["PYTHONPATH"] = os.pathsep.join(filter(None, [ours, values.get("PYTHONPATH")]))
    return values


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
