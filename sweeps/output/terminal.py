"""The progress of a sweep on a terminal, and a table at its end."""

from rich.console import Console
from rich.live import Live

from sweeps.output.progress import Status
from sweeps.output.results import Results, table_of
from twingrad.history import Epoch
from twingrad.text import spell

LINES = 10
"""Number of rows of the table."""


class Terminal:
    """Print the progress and the results of a sweep.

    On a terminal one line is updated; otherwise a line is printed for every group that ends. The
    line is drawn without a thread, because worker processes are forked.
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
        """Show the progress of the search."""
        line = f"{status.done}/{status.total} trials"
        if status.training:
            line += f", {status.training} training ({status.where})"
        if status.best:
            line += f"; best {status.best}"
        self._update(status.said, f"{line}; {spell(status.seconds_left)} left")

    def epoch(self, epoch: Epoch, epochs: int) -> None:
        """Show the progress of the final choice."""
        line = f"final choice: epoch {epoch.epoch}/{epochs}"
        self._update(line if epoch.epoch in (1, epochs) else "", line)

    def _update(self, said: str, line: str) -> None:
        if self.live is not None:
            self.live.update(line, refresh=True)
        elif said and said != self.last:
            self.last = said
            self.console.print(said if said in line else f"{said}; {line}")

    def table(self, results: Results) -> None:
        """Print the best trials and the final choice."""
        headings, table = table_of(results, LINES)
        body = [[text for text, _ in row] for row in table]
        self.console.print(results.counts + ("; the best by validation accuracy:" if body else ""))
        widths = [max(map(len, column)) for column in zip(headings, *body, strict=True)]
        for line in [headings, *body] if body else []:
            cells = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
            self.console.print("  ".join(cells), soft_wrap=True)
        self.console.print(about_choice(results))


def about_choice(results: Results) -> str:
    """The final choice and its accuracy, in a sentence."""
    chosen = results.chosen
    if results.best is None:
        return "no trial has finished, so there is nothing to choose"
    if chosen is None:
        return (
            f"chosen: trial {results.best.number}; another process of this study computes its "
            "test accuracy"
        )
    if "test" not in chosen:
        return (
            f"chosen: trial {chosen['trial']}; trained again from its recipe, it diverged at "
            f"update {chosen['diverged at update']}"
        )
    return (
        f"chosen by validation accuracy: trial {chosen['trial']}; trained again from its recipe: "
        f"validation {100 * chosen['validation']['accuracy']:.2f} %, "
        f"test {100 * chosen['test']['accuracy']:.2f} % (computed once, for this choice)"
    )
