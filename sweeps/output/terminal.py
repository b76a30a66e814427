"""A sweep in a terminal: a line that lives while it runs, a table when it has ended."""

from rich.console import Console
from rich.live import Live

from sweeps.output.progress import Status
from sweeps.output.results import Results, counts, table_of
from twingrad.history import Epoch
from twingrad.text import spell

LINES = 10
"""Rows of the table."""


class Terminal:
    """Print a sweep's progress and table.

    On a terminal one line is kept up to date; elsewhere a line is written for every group that
    ends. It is drawn by whoever reports, not by a thread: workers are forked beside it.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live: Live | None = None
        if console.is_terminal and not console.quiet:
            self.live = Live(console=console, auto_refresh=False, transient=True)
        self.last = ""

    def __enter__(self) -> "Terminal":
        if self.live is not None:
            self.live.start()
        return self

    def __exit__(self, *ended: object) -> None:
        if self.live is not None:
            self.live.stop()

    def show(self, status: Status) -> None:
        """The search goes on."""
        line = f"{status.done}/{status.total} trials"
        if status.training:
            line += f", {status.training} training ({status.where})"
        if status.best:
            line += f"; best {status.best}"
        self._update(status.said, f"{line}; {spell(status.seconds_left)} left")

    def epoch(self, epoch: Epoch, epochs: int) -> None:
        """The final choice trains."""
        line = f"final choice: epoch {epoch.epoch}/{epochs}"
        self._update(line if epoch.epoch in (1, epochs) else "", line)

    def _update(self, said: str, line: str) -> None:
        if self.live is not None:
            self.live.update(line, refresh=True)
        elif said and said != self.last:
            self.last = said
            self.console.print(said if said in line else f"{said}; {line}")

    def table(self, results: Results) -> None:
        """The best trials, and the final choice."""
        headings, cells = table_of(results, LINES)
        body = [[text for text, _ in row] for row in cells]
        self.console.print(f"{counts(results)}; the best by validation accuracy:")
        widths = [max(map(len, column)) for column in zip(headings, *body, strict=True)]
        for line in [headings, *body] if body else []:
            cells = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
            self.console.print("  ".join(cells), soft_wrap=True)
        chosen = results.chosen
        if results.best is None:
            self.console.print("no trial has finished, so there is nothing to choose")
        elif chosen is None:
            self.console.print(
                f"chosen: trial {results.best.number}; another process of this study computes "
                "its test accuracy"
            )
        elif "test" not in chosen:
            self.console.print(
                f"chosen: trial {chosen['trial']}; trained anew from its recipe it diverged at "
                f"update {chosen['diverged at update']}"
            )
        else:
            self.console.print(
                f"chosen by validation accuracy: trial {chosen['trial']}; trained anew from its "
                f"recipe: validation {100 * chosen['validation']['accuracy']:.2f} %, "
                f"test {100 * chosen['test']['accuracy']:.2f} % (computed once, for this choice)"
            )
