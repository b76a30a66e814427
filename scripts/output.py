"""The output of a command: text for people, JSON for machines."""

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
    """Prints text to standard output, or to standard error if JSON goes to standard output.

    Arguments:
        json_file: `--json`, a path or "-".
        quiet: print no text.

    Raises:
        UserError: the file's folder is missing; checked here so that it fails before the work.
    """

    def __init__(self, json_file: str | None, quiet: bool) -> None:
        if json_file not in (None, "-") and not Path(str(json_file)).absolute().parent.is_dir():
            raise UserError(f"--json {json_file}: cannot be written, its folder does not exist")
        self.json_file = json_file
        self.console = Console(
            stderr=json_file == "-", quiet=quiet, highlight=False, soft_wrap=not sys.stdout.isatty()
        )

    def print(self, *what: Any, **how: Any) -> None:
        """Print text with rich, which takes the options."""
        self.console.print(*what, **how)

    def busy(self, doing: str) -> AbstractContextManager[Any]:
        """Show a status line on standard error until the context ends."""
        if self.console.quiet:
            return nullcontext()
        return Console(stderr=True).status(doing)

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

    def epoch(self, label: str, epoch: Epoch, epochs: int) -> None:
        """Print the metrics of an epoch as a line of progress."""
        parts = {"training": epoch.training, "validation": epoch.validation}
        cost = f"cost {epoch.training.cost:.4f}  " if epoch.training else ""
        accuracies = ", ".join(
            f"{name} {100 * part.accuracy:5.2f} %" for name, part in parts.items() if part
        )
        self.print(
            f"{label}  epoch {epoch.epoch:2d}/{epochs}  update {epoch.update:6d}  "
            f"{cost}accuracy: {accuracies}  ({epoch.seconds:.1f} s)"
        )
