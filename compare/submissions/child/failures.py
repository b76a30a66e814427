"""Whatever the user's code does instead of returning, as a finding with its line."""

import contextlib
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from compare.submissions.newer_python import needed_python
from compare.submissions.source import Source
from compare.submissions.submission import Finding


class Unsupported(Exception):
    """The code takes no such network, and says so by its constructor or its arguments."""


class CodeFailure(Exception):
    """The user's code raised something.

    Arguments:
        finding: what, and where.
        stage: how far it came: 0 forward, 1 backward, 2 cost.
    """

    def __init__(self, finding: Finding, stage: int) -> None:
        super().__init__(finding.message)
        self.finding, self.stage = finding, stage


def call(
    source: Source, stage: int, function: Callable[..., Any], *args: Any, **kwargs: Any
) -> Any:
    """Calls the user's function.

    Raises:
        CodeFailure: it raised, or wanted to end the process.
    """
    try:
        return function(*args, **kwargs)
    except (Unsupported, CodeFailure):
        raise
    except BaseException as error:
        raise CodeFailure(as_finding(error, source, function), stage) from error


@contextlib.contextmanager
def allowed_to_refuse() -> Iterator[None]:
    """Takes NotImplementedError for "no such network": from adapters, which are asked to raise it,
    and from constructors. Elsewhere it is code that was never finished."""
    try:
        yield
    except CodeFailure as failure:
        if isinstance(failure.__cause__, NotImplementedError):
            raise Unsupported(str(failure.__cause__)) from failure
        raise


def as_finding(
    error: BaseException, source: Source, function: Callable[..., Any] | None = None
) -> Finding:
    """An exception as type, message, line and text of the line; no traceback.

    Arguments:
        function: what was called, whose line stands in where no frame is the user's.
    """
    if isinstance(error, SyntaxError) and error.filename == str(source.path):
        text = (error.text or "").strip()
        newer = needed_python(text, error.msg, sys.version_info[:2])
        if newer:
            said = f"it needs Python {newer} (line {error.lineno}: {text})"
            return Finding("python", said, error.lineno, True)
        where = f"line {error.lineno}: {text}" if text else f"line {error.lineno}"
        return Finding(
            "syntax", f"{type(error).__name__}: {error.msg}, at {where}", error.lineno, True
        )
    frames = [f for f in traceback.extract_tb(error.__traceback__) if source.is_users(f.filename)]
    own = [frame for frame in frames if frame.filename == str(source.path)]
    line = own[-1].lineno if own else source.line_of(function)
    said = " ".join(str(error).split())
    said = said if len(said) <= 300 else said[:297] + "..."
    if isinstance(error, SystemExit):
        kind, what = "exit", f"the code ended the process with exit status {error.code!r}"
    else:
        kind, what = (
            "package" if isinstance(error, ModuleNotFoundError) else "exception",
            f"{type(error).__name__}: {said}" if said else type(error).__name__,
        )
    where = ""
    if line is not None:
        inside = own[-1].name if own else getattr(function, "__name__", "")
        place = f" in {inside}" if inside and inside != "<module>" else ""
        where = f", at line {line}{place}: {source.text(line)}"
    if frames and frames[-1].filename != str(source.path):
        deepest = frames[-1]
        other = deepest.filename.removeprefix(str(source.root)).lstrip("/\\")
        where += f" (raised in {other}, line {deepest.lineno}: {deepest.line})"
    return Finding(kind, what + where, line, True)
