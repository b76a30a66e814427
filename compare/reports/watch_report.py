"""The result of `watch` for the terminal, for notebooks, and as one self-contained HTML file."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from compare.reports.tree import described_steps
from compare.watching.result import Finding, WatchResult
from twingrad.pages import render_page, write_page

MARKS = {
    "right": ("✓", "+", "green"),
    "inherits": ("↓", "i", "yellow"),
    "wrong": ("✗", "x", "bold red"),
    "derived": ("·", ".", "dim"),
    "unknown": ("?", "?", "dim"),
}
"""Mark, ASCII mark and colour of a line, by status."""

MEANINGS = {
    "right": "right",
    "inherits": "its input is wrong",
    "wrong": "first wrong",
    "derived": "follows from what was recognised",
    "unknown": "not recognised",
}


class WatchText:
    """A result for a console of any width, with or without colour.

    Arguments:
        result: what was found.
    """

    def __init__(self, result: WatchResult) -> None:
        self.result = result

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        result, ascii_only = self.result, options.ascii_only
        yield Text(f"{result.program}: {result.network}")
        for warning in result.warnings:
            yield Text(f"warning: {warning}", style="yellow")
        for subject, said in result.facts.items():
            yield Text(f"  {subject}: {said}", style="dim")
        for finding in result.findings:
            yield Text()
            yield from finding_text(finding)
        yield Text()
        table = lines_table(result, ascii_only)
        wide = options.update(max_width=WIDEST)
        if console.is_terminal or console.measure(table, options=wide).maximum <= options.max_width:
            yield table
        else:
            yield from rows(result, ascii_only)
        present = {line.status for line in result.lines}
        key = [
            f"{MARKS[status][ascii_only]} {MEANINGS[status]}"
            for status in MEANINGS
            if status in present
        ]
        yield Text("   ".join(key), style="dim")
        examination = next(
            (j.examination for j in result.judged if j.examination is not None), None
        )
        backward = any(f.what == "backward" and f.fails for f in result.findings)
        if examination is not None and backward:
            yield from described_steps(examination)
        yield Text()
        if result.not_checked:
            yield Text("Not checked:")
            for said in result.not_checked:
                yield Text(f"  {said}", style="dim")


def finding_text(finding: Finding) -> Iterator[Text]:
    """The line, followed by what is wrong with it."""
    style = "bold red" if finding.fails else "yellow"
    if finding.place is not None:
        yield Text(f"{finding.place}: ", style=style).append(finding.place.text, style="bold")
    note = "" if finding.fails else "Note: "
    for sentence in finding.said:
        yield Text(f"  {note}{sentence}")


WIDEST = 10_000
"""Characters of a row that is not cut."""

TEXT_WIDTH = 64
"""Characters of a line's text beside what it computes."""


def rows(result: WatchResult, ascii_only: bool) -> Iterator[Text]:
    """The same as `lines_table` for a file or a pipe: one row a line, whatever its width."""
    places = max((len(line.place) for line in result.lines), default=0)
    for line in result.lines:
        text = line.text
        text = text if len(text) <= TEXT_WIDTH else text[: TEXT_WIDTH - 3] + "..."
        mark = MARKS[line.status][ascii_only]
        row = f"{mark}  {line.place:{places}}  {text:{TEXT_WIDTH}}  {line.words}"
        yield Text(row.rstrip(), no_wrap=True, overflow="ignore")


def lines_table(result: WatchResult, ascii_only: bool) -> Table:
    """The lines of one update in order of execution."""
    table = Table(box=None, pad_edge=False, show_header=False, expand=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="ellipsis", no_wrap=True, max_width=TEXT_WIDTH)
    table.add_column(overflow="fold")
    for line in result.lines:
        mark = MARKS[line.status]
        table.add_row(
            Text(mark[ascii_only], style=mark[2]),
            line.place,
            Text(line.text, style=mark[2] if line.status == "wrong" else ""),
            Text(line.words, style="dim"),
        )
    return table


def summary(result: WatchResult) -> str:
    """The last line: the verdict and what it is based on."""
    judged = len(result.judged)
    updates = f"{judged} update{'s' if judged != 1 else ''}"
    said = f"verdict: {result.verdict}; {result.compared} gradients of {updates} compared"
    if result.not_checked:
        said += f"; {len(result.not_checked)} not checked"
    return f"{said}; {result.ended}" if result.ended else said


def write_watch_report(path: Path, result: WatchResult) -> None:
    """Write the page; the file is written completely or not at all.

    Raises:
        OSError: it cannot be written.
    """
    write_page(path, page(result))


def page(result: WatchResult) -> str:
    """The page as HTML."""
    return rendered("watch_report.html.jinja", result)


def fragment(result: WatchResult) -> str:
    """The findings and the lines as HTML without a page, for notebooks."""
    return rendered("watch_fragment.html.jinja", result)


def rendered(template: str, result: WatchResult) -> str:
    present = {line.status for line in result.lines}
    return render_page(
        Path(__file__).with_name(template),
        filters={},
        result=result,
        summary=summary(result),
        marks={status: mark[0] for status, mark in MARKS.items()},
        meanings={status: said for status, said in MEANINGS.items() if status in present},
    )
