"""Runs a program under the recorder, in a process of its own, and says how that ended."""

import ast
import json
import os
import re
import signal
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from compare.processes import environment, run_bounded
from compare.watching import recording
from compare.watching.serving import Served, prepare
from twingrad.errors import UserError

RECORDER = Path(__file__).resolve().parents[1] / "agent/recorder.py"

ROOT = Path(__file__).resolve().parents[2]

HIDDEN = ("twingrad", "manual_impl", "torch_impl", "compare", "sweeps", "reproduction", "scripts")
HIDDEN += ("benchmarks", "validation", "tests")
"""Our packages, which the program must not import."""

GRACE = 4.0
"""Seconds after its time limit in which the recorder ends the program itself."""

Reason = Literal["enough", "finished", "time", "size", "exit", "exception", "killed"]


@dataclass(frozen=True)
class Lack:
    """What the program needs and does not have.

    Arguments:
        kind: a package, NumPy, a newer Python, or a file.
        name: of the package or file, or the version of the Python that is too old.
    """

    kind: Literal["package", "numpy", "syntax", "file"]
    name: str


@dataclass
class Recorded:
    """A run of a program, and where its recording is.

    Arguments:
        program: the file.
        interpreter: the Python that ran it.
        folder: of the recording; it is removed when this object is.
        reason: why the recording ended.
        detail: the same in words, with the file and line of an exception.
        lack: what the program lacks, if that ended it.
        printed: the beginning of what it printed.
        lines: how many lines it printed.
        warnings: what the user must know about the run, such as that the data are a stand-in.
    """

    program: Path
    interpreter: Path
    folder: Path
    reason: Reason
    detail: str
    end: dict[str, Any]
    lack: Lack | None = None
    printed: str = ""
    lines: int = 0
    warnings: list[str] = field(default_factory=list)
    temporary: "tempfile.TemporaryDirectory[str] | None" = None

    def read(self) -> recording.Recording:
        """The recording.

        Raises:
            UserError: it is damaged, or there is none.
        """
        return recording.read(self.folder)

    def failure(self) -> UserError:
        """One line for exit status 2: why the program could not be watched, and what to do."""
        python = f"Python {self.end['version']}" if self.end.get("version") else "Python"
        used = f"{python} at {self.interpreter}"
        if self.lack is None:
            return UserError(f"{self.program}: {self.detail} ({used})")
        what = {
            "package": f"needs the package {self.lack.name}",
            "numpy": "needs NumPy",
            "syntax": "needs a newer Python",
            "file": f"needs the file {self.lack.name}",
        }[self.lack.kind]
        todo = {
            "package": "install it there, or name another interpreter with --python PATH",
            "numpy": "install it there, or name another interpreter with --python PATH",
            "syntax": "name a newer interpreter with --python PATH",
            "file": "run it where the file is; for CIFAR-10 give --data PATH; another interpreter "
            "is named with --python PATH",
        }[self.lack.kind]
        return UserError(f"{self.program} {what}, not found by {used}: {todo}")


def record(
    program: Path,
    arguments: Sequence[str] = (),
    *,
    interpreter: Path,
    data: str | None = None,
    seconds: float = 60.0,
    size: int = 400_000_000,
    idle: float = 3.0,
) -> Recorded:
    """Runs `PYTHON PROGRAM ARGUMENTS` in the current folder and records what it computes.

    Arguments:
        program: a Python file or a notebook.
        interpreter: the Python that runs it, 3.8 or newer.
        data: where CIFAR-10 is, as the option --data.
        seconds: the time limit.
        size: the limit of the recording in bytes.
        idle: seconds without anything new after which enough was seen.

    Raises:
        UserError: no such program, or the interpreter cannot be started.
    """
    if not program.is_file():
        what = "is a folder" if program.is_dir() else "no such file"
        raise UserError(f"{program}: {what}; expected a Python file or a notebook")
    if program.suffix not in (".py", ".ipynb"):
        raise UserError(f"{program}: expected a Python file (.py) or a notebook (.ipynb)")
    temporary = tempfile.TemporaryDirectory(prefix="twingrad-", ignore_cleanup_errors=True)
    folder = Path(temporary.name) / "recording"
    folder.mkdir()
    served = prepare(program, data, Path(temporary.name) / "cifar")
    settings = Path(temporary.name) / "settings.json"
    settings.write_text(
        json.dumps(
            {
                "folder": str(folder),
                "seconds": seconds,
                "bytes": size,
                "idle": idle,
                "data": None if served.folder is None else str(served.folder),
                "hidden": HIDDEN,
                "hidden_root": str(ROOT),
            }
        )
    )
    command = [str(interpreter), "-u", str(RECORDER), str(settings), str(program), *arguments]
    try:
        status, printed = run_bounded(
            command,
            folder=Path.cwd(),
            environment=without_ours(environment()),
            seconds=seconds + GRACE,
        )
    except OSError as error:
        raise UserError(
            f"{interpreter}: cannot be started ({error.strerror}); name a Python with --python PATH"
        ) from error
    end = recording.read_end(folder / "end.json")
    reason, detail = ending(end, status, seconds, printed.text)
    return Recorded(
        program=program,
        interpreter=interpreter,
        folder=folder,
        reason=reason,
        detail=detail,
        end=end,
        lack=lacking(end, program),
        printed=printed.text,
        lines=printed.lines,
        warnings=warnings(served, folder),
        temporary=temporary,
    )


def without_ours(values: dict[str, str]) -> dict[str, str]:
    """An environment in which Python does not find our packages."""
    paths = values.pop("PYTHONPATH", "").split(os.pathsep)
    kept = [path for path in paths if path and Path(path).resolve() != ROOT]
    return values | ({"PYTHONPATH": os.pathsep.join(kept)} if kept else {})


def ending(
    end: dict[str, Any], status: int | None, seconds: float, printed: str
) -> tuple[Reason, str]:
    """Why the recording ended, and the same in words."""
    reason = end.get("reason")
    if reason == "exception":
        return "exception", exception(end)
    if reason == "exit":
        return "exit", f"the program ended itself with exit status {end.get('status')}"
    after = f"after {float(end.get('seconds') or 0):.0f} s"
    told: dict[Any, tuple[Reason, str]] = {
        "enough": ("enough", f"stopped {after}: nothing new was seen any more"),
        "finished": ("finished", f"the program ran to its end ({after})"),
        "size": ("size", f"stopped {after}: the recording reached its size limit"),
        "time": ("time", f"stopped at the time limit of {seconds:g} s"),
    }
    if reason in told:
        return told[reason]
    if status is None:
        return told["time"]
    if status < 0:
        return "killed", f"the program was ended by {signal_name(-status)}"
    last = printed.strip().splitlines()[-1:] or ["no message"]
    return "exit", f"the program ended with exit status {status}: {last[0][:200]}"


def exception(end: dict[str, Any]) -> str:
    """An exception with its place."""
    file, line = end.get("file"), end.get("line")
    place = ""
    if isinstance(file, str):
        name, _, cell = Path(file).name.partition("#")
        place = f"{cell or name}, line {line}: "
    return f"{place}{end.get('type')}: {end.get('message')}"


def signal_name(number: int) -> str:
    """Such as SIGKILL."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def lacking(end: dict[str, Any], program: Path) -> Lack | None:
    """What the program lacks, where an exception says so."""
    missing, kind = end.get("missing"), end.get("type")
    if kind == "ModuleNotFoundError" and isinstance(missing, str):
        package = missing.partition(".")[0]
        return Lack("numpy" if package == "numpy" else "package", package)
    if kind == "FileNotFoundError" and isinstance(end.get("missing_file"), str):
        return Lack("file", end["missing_file"])
    if kind == "SyntaxError" and reads_here(end.get("file")):
        return Lack("syntax", str(end.get("version")))
    return None


def reads_here(file: Any) -> bool:
    """Whether our own Python can parse a file that the program's cannot."""
    if not isinstance(file, str) or not re.search(r"\.py$", file):
        return False
    try:
        ast.parse(Path(file).read_bytes())
    except (SyntaxError, ValueError, OSError):
        return False
    return True


def warnings(served: Served, folder: Path) -> list[str]:
    """What the user must know about the run."""
    if not served.stand_in:
        return []
    try:
        used = b'\n["served",' in (folder / "events.jsonl").read_bytes()
    except OSError:
        used = False
    said = "the program did not find CIFAR-10 and was given the synthetic stand-in; --data PATH "
    return [said + "names the real data"] if used else []
