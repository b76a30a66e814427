"""Turn exceptions and exits of the user's code into findings with a line."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from compare.submissions.messages import RemoteError
from compare.submissions.newer_python import needed_python
from compare.submissions.session import session
from compare.submissions.source import Source
from compare.submissions.submission import Finding

UNPLACED = "it has parameters that could not be placed: "
"""Beginning of the message about code that cannot be judged without knowing these parameters."""


class Unsupported(Exception):
    """The code does not support such a network, according to its constructor or arguments."""


class CodeFailure(Exception):
    """The user's code raised an exception.

    Arguments:
        finding: what, and where.
        stage: how far it came: 0 forward, 1 backward, 2 cost.
        reached: the lines of the calls that it came to, the outermost first.
    """

    def __init__(self, finding: Finding, stage: int, reached: tuple[int, ...] = ()) -> None:
        super().__init__(finding.message)
        self.finding, self.stage, self.reached = finding, stage, reached


def call(
    source: Source, stage: int, function: Callable[..., Any], *args: Any, **kwargs: Any
) -> Any:
    """Call the user's function.

    Raises:
        CodeFailure: it raised, or wanted to end the process.
    """
    try:
        return function(*args, **kwargs)
    except RemoteError as error:
        reached = tuple(frame[1] for frame in error.frames if source.is_users(frame[0]))
        raise CodeFailure(as_finding(error, source, function), stage, reached) from error


@contextlib.contextmanager
def allowed_to_refuse() -> Iterator[None]:
    """Interpret NotImplementedError as "unsupported network", for adapters and constructors only.
    Elsewhere it marks unfinished code."""
    try:
        yield
    except CodeFailure as failure:
        error = failure.__cause__
        if isinstance(error, RemoteError) and error.is_a("NotImplementedError"):
            raise Unsupported(error.message) from failure
        raise


@contextlib.contextmanager
def blamed_on_us(function: Callable[..., Any], guessed: Sequence[str]) -> Iterator[None]:
    """Marks what a function raises as no fault of the code where arguments were guessed.

    Arguments:
        guessed: the names of those arguments.
    """
    try:
        yield
    except CodeFailure as failure:
        if guessed and failure.finding.kind == "exception":
            names = " and ".join(guessed)
            said = f"what {function.__name__} takes as {names} was guessed, and it raised "
            finding = replace(failure.finding, kind="call", message=said + failure.finding.message)
            raise CodeFailure(finding, failure.stage, failure.reached) from failure.__cause__
        raise


def as_finding(
    error: RemoteError, source: Source, function: Callable[..., Any] | None = None
) -> Finding:
    """An exception as a finding with type, message, line and text, without a traceback.

    Arguments:
        function: what was called, whose line stands in where no frame is the user's.
    """
    if error.syntax is not None and error.syntax[0] == str(source.path):
        return of_syntax(error)
    frames = [frame for frame in error.frames if source.is_users(frame[0])]
    own = [frame for frame in frames if frame[0] == str(source.path)]
    line = own[-1][1] if own else source.line_of(function)
    said = " ".join(error.message.split())
    said = said if len(said) <= 300 else said[:297] + "..."
    kind = "package" if error.missing else "exception"
    what = f"{error.types[0]}: {said}" if said else error.types[0]
    if error.is_a("SystemExit"):
        kind, what = "exit", f"the code ended the process with exit status {error.status}"
    where = ""
    if line is not None:
        inside = own[-1][2] if own else getattr(function, "__name__", "")
        place = f" in {inside}" if inside and inside != "<module>" else ""
        where = f", at line {line}{place}: {source.text(line)}"
    if frames and frames[-1][0] != str(source.path):
        file, number, _, text = frames[-1]
        where += f" (raised in {source.shown(file)}, line {number}: {text})"
    return Finding(kind, what + where, line, True)


def of_syntax(error: RemoteError) -> Finding:
    """A SyntaxError of the file: its own, or one because the Python is too old."""
    _, line, message, text = error.syntax or ("", None, "", "")
    text = str(text).strip()
    newer = needed_python(text, str(message), session().version)
    if newer:
        return Finding("python", f"it needs Python {newer} (line {line}: {text})", line, True)
    where = f"line {line}: {text}" if text else f"line {line}"
    return Finding("syntax", f"{error.types[0]}: {message}, at {where}", line, True)
