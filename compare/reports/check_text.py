"""The result of `check` in the terminal."""

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from compare.reports import tables
from compare.reports.check_result import CheckResult, by_telling
from compare.reports.tree import NodeTree


class CheckText:
    """A result for a console of any width, with or without colour.

    Arguments:
        result: what was found.
        details: show every case, or every tensor if there are few.
    """

    def __init__(self, result: CheckResult, details: bool = False) -> None:
        self.result = result
        self.details = details

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        result = self.result
        if result.assumed:
            yield tables.assumed_text(result)
        if self.details:
            yield from tables.details(result.cases)
        if result.cases:
            yield tables.result_table(result)
        examined = by_telling(result.cases)
        if examined:
            yield NodeTree(examined[0])
        for finding in result.findings:
            yield tables.finding_text(finding, result.path)
        told = examined[0].sentences if examined else ()
        for sentence in result.summary:
            if sentence not in told:
                yield Text(sentence, style="bold")
        if result.path:
            yield tables.rests_on_text(result)
        yield Text("verdict: ").append(result.verdict, style=tables.COLOUR[result.verdict])
