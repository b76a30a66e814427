"""Where a command's words go: tables for people, JSON for machines."""

import json
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console

from twingrad.errors import UserError
from twingrad.files import write_whole
from twingrad.history import Epoch


class Output:
    """Standard output for people, unless it is taken by JSON; then they get standard error.

    Arguments:
        json_file: `--json`, a path or "-".
        quiet: people get nothing.

    Raises:
        UserError: the file's folder is missing; said before the work and not after it.
    """

    def __init__(self, json_file: str | None, quiet: bool) -> None:
        if json_file not in (None, "-") and not Path(str(json_file)).absolute().parent.is_dir():
            raise UserError(f"--json {json_file}: cannot be written, as its folder is missing")
        self.json_file = json_file
        self.console = Console(
            stderr=json_file == "-", quiet=quiet, highlight=False, soft_wrap=not sys.stdout.isatty()
        )

    def print(self, *what: Any, **how: Any) -> None:
        """For people; rich's options pass through."""
        self.console.print(*what, **how)

    def busy(self, doing: str) -> AbstractContextManager[Any]:
        """Shows on standard error that something takes its time, until the context ends."""
        if self.console.quiet:
            return nullcontext()
        return Console(stderr=True).status(doing)

    def write(self, value: dict[str, Any]) -> None:
        """For machines, if they asked.

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

    def epoch(self, label: str, epoch: Epoch, epochs: int) -> None:
        """A line of progress."""
        parts = {"training": epoch.training, "validation": epoch.validation}
        cost = f"cost {epoch.training.cost:.4f}  " if epoch.training else ""
        accuracies = ", ".join(
            f"{name} {100 * part.accuracy:5.2f} %" for name, part in parts.items() if part
        )
        self.print(
            f"{label}  epoch {epoch.epoch:2d}/{epochs}  update {epoch.update:6d}  "
            f"{cost}accuracy: {accuracies}  ({epoch.seconds:.1f} s)"
        )
