"""How the run of a program ended, from the recorder's notes and the exit status."""

import ast
import re
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from compare.submissions.newer_python import needed_python
from compare.submissions.source import UNREADABLE

Reason = Literal["enough", "finished", "time", "size", "exit", "exception", "killed"]


@dataclass(frozen=True)
class Lack:
    """Something that the program needs and that is missing.

    Arguments:
        kind: a package, NumPy, a newer Python, or a file.
        name: of the package or file, or "Python 3.12".
    """

    kind: Literal["package", "numpy", "syntax", "file"]
    name: str


def ending(
    end: dict[str, Any], status: int | None, seconds: float, last_line: str
) -> tuple[Reason, str]:
    """Why the recording ended, as a key and in words.

    Arguments:
        end: the recorder's notes.
        status: the exit status; None if the time limit ended the program.
        seconds: the time limit.
        last_line: of what the program printed, where an error is explained.
    """
    reason = end.get("reason")
    if reason == "exception":
        return "exception", exception(end)
    if reason == "exit":
        number = end.get("status") if status is None else status
        why = f": {last_line[:200]}" if status and last_line else ""
        return "exit", f"the program ended itself with exit status {number}{why}"
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
    return "exit", f"the program ended with exit status {status}: {last_line[:200] or 'no message'}"


def exception(end: dict[str, Any]) -> str:
    """An exception with its location."""
    file, line = end.get("file"), end.get("line")
    place = ""
    if isinstance(file, str):
        name, _, cell = Path(file).name.partition("#")
        place = f"{cell or name}, line {line}: "
    return f"{place}{end.get('type')}: {end.get('message')}"


def signal_name(number: int) -> str:
    """The name of a signal, such as SIGKILL."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def lacking(end: dict[str, Any]) -> Lack | None:
    """What is missing, if an exception says so."""
    missing, kind = end.get("missing"), end.get("type")
    if kind == "ModuleNotFoundError" and isinstance(missing, str):
        package = missing.partition(".")[0]
        return Lack("numpy" if package == "numpy" else "package", package)
    if kind == "FileNotFoundError" and isinstance(end.get("missing_file"), str):
        return Lack("file", end["missing_file"])
    if kind == "SyntaxError":
        needed = newer_python(end)
        return None if needed is None else Lack("syntax", needed)
    return None


def newer_python(end: dict[str, Any]) -> str | None:
    """The Python version that the line of a SyntaxError needs, in words; None if no version accepts
    it."""
    found = re.match(r"(\d+)\.(\d+)", str(end.get("version")))
    if found is None:
        return None
    version = int(found[1]), int(found[2])
    message = str(end.get("message"))
    needed = needed_python(str(end.get("text")), message, version)
    if needed is not None:
        return f"Python {needed}"
    return "a newer Python" if reads_here(end.get("file")) else None


def reads_here(file: Any) -> bool:
    """Whether our own Python can parse a file that the program's Python cannot."""
    if not isinstance(file, str) or not re.search(r"\.py$", file):
        return False
    try:
        ast.parse(Path(file).read_bytes())
    except (*UNREADABLE, OSError):
        return False
    return True
