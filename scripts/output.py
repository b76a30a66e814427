"""The output of a command: text for people, JSON for machines."""

import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.control import Control
from rich.segment import Segment

from twingrad.errors import UserError
from twingrad.files import write_whole
from twingrad.text import shown

Item = TypeVar("Item")

PIPED_WIDTH = 10_000
"""Width of piped output in characters: no line is wrapped, so a row of a table stays one line."""


class PeopleConsole(Console):
    """rich's console for untrusted text, with control characters escaped.

    If the reader exits, it raises BrokenPipeError; rich would exit with status 1, which means
    "disagrees".
    """

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError

    def render(self, *what: Any, **how: Any) -> Any:
        for segment in super().render(*what, **how):
            if segment.control or isinstance(segment, Control):
                yield segment
            else:
                yield Segment(shown(segment.text), segment.style)


class Output:
    """Prints text to standard output, or to standard error if JSON goes to standard output.

    Arguments:
        json_file: `--json`, a path or "-".
        quiet: print no text.

    Raises:
        UserError: the file's folder is missing; checked here so that it fails before the work.
    """

    def __init__(self, json_file: str | None, quiet: bool) -> None:
        if json_file not in (None, "-"):
            require_writable(Path(str(json_file)), "--json")
        self.json_file = json_file
        stream = sys.stderr if json_file == "-" else sys.stdout
        piped = not stream.isatty()
        self.console = PeopleConsole(
            stderr=json_file == "-",
            quiet=quiet,
            highlight=False,
            soft_wrap=piped,
            width=PIPED_WIDTH if piped else None,
        )

    def print(self, *what: Any, **how: Any) -> None:
        """Print text with rich, which takes the options."""
        self.console.print(*what, **how)

    def busy(self, doing: str) -> AbstractContextManager[Any]:
        """Show a status line on standard error until the context ends."""
        if self.console.quiet:
            return nullcontext()
        return Console(stderr=True).status(shown(doing))

    def track(self, items: Sequence[Item], doing: str) -> Iterable[Item]:
        """Yield the items; meanwhile show a bar with the time left on standard error."""
        from rich.progress import track

        console = Console(stderr=True)
        return track(
            items, shown(doing), transient=True, console=console, disable=self.console.quiet
        )

    def write(self, value: dict[str, Any]) -> None:
        """Write JSON if `--json` was given.

        Raises:
            UserError: the file cannot be written.
        """
        if self.json_file is None:
            return
        text = json.dumps(value, indent=2, allow_nan=False) + "\n"
        if self.json_file == "-":
            sys.stdout.write(text)
            return
        try:
            write_whole(Path(self.json_file), text.encode())
        except OSError as error:
            raise UserError(
                f"--json {self.json_file}: cannot be written ({error.strerror})"
            ) from error


def require_writable(path: Path, option: str) -> None:
    """Raise UserError if the folder of a file is missing, or if the path is a folder."""
    try:
        missing, folder = not path.absolute().parent.is_dir(), path.is_dir()
    except (OSError, ValueError) as error:
        raise UserError(f"{option} {path}: cannot be written ({error})") from error
    if missing:
        raise UserError(f"{option} {path}: cannot be written, its folder does not exist")
    if folder:
        raise UserError(f"{option} {path}: is a folder, but expected a file")
