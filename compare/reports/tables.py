"""Verdicts as tables in the terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from compare.numerics.agreement import CaseVerdict, TensorVerdict
from compare.reports.check_result import CheckResult
from compare.submissions import Finding

COLOUR = {"agree": "green", "disagree": "bold red"}


MOST_ROWS = 150
"""Maximum number of rows with details; if there are more, a row is one reference of a case."""


@dataclass(frozen=True)
class Fitting:
    """The first of several tables that fits the terminal; if none does, the last."""

    tables: Sequence[Table]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        unbounded = options.update(max_width=10_000)
        for table in self.tables[:-1]:
            if console.measure(table, options=unbounded).maximum <= options.max_width:
                yield table
                return
        yield self.tables[-1]


def table_of(title: str, words: Sequence[str], numbers: Sequence[str], last: str = "") -> Table:
    """An empty table: columns of words, which may wrap; columns of numbers, which may not; and a
    last column."""
    table = Table(title=title)
    for heading in words:
        table.add_column(heading, overflow="fold")
    for heading in numbers:
        table.add_column(heading, no_wrap=True)
    if last:
        table.add_column(last, overflow="fold" if last != "verdict" else "ellipsis")
    return table


def coloured(verdict: str) -> str:
    """A verdict in its colour."""
    return f"[{COLOUR[verdict]}]{verdict}[/]"


def number(value: float | None) -> str:
    """A number with three digits, or a dash for None."""
    return "-" if value is None else f"{value:.1e}"


def largest(tensors: Sequence[TensorVerdict], witness: str, scale: str) -> str:
    """The largest error against one reference on one scale, and its tensor."""
    chosen = [t for t in tensors if t.witness == witness and t.scale == scale]
    if not chosen:
        return "-"
    error = {"relative": lambda t: t.max_rel or 0.0, "absolute": lambda t: t.max_abs}[scale]
    worst = max(chosen, key=error)
    return f"{number(error(worst))} {worst.name}"


WITNESSES = (
    ("autograd,\nrelative", "autograd", "relative"),
    ("complex step,\nrelative", "complex step", "relative"),
    ("zero in theory,\nabsolute", "autograd", "absolute"),
    ("central diff.,\nabsolute", "central differences", "absolute"),
)


def gradient_table(cases: Sequence[CaseVerdict]) -> Fitting:
    """One row per case: the largest error against each reference, and its tensor if it fits."""
    title = "Gradients by hand, float64: largest error"
    headings = [heading for heading, *_ in WITNESSES]
    wide = table_of(f"{title} and where", ["case"], [*headings, "left out\n(kinks)"], "verdict")
    narrow = table_of(title, ["case"], [h.replace(" ", "\n", 1) for h in headings], "verdict")
    for case in cases:
        central = [t for t in case.tensors if t.witness == "central differences"]
        left_out = sum(t.left_out for t in central)
        tried = left_out + sum(t.compared for t in central)
        found = [largest(case.tensors, witness, scale) for _, witness, scale in WITNESSES]
        verdict = coloured(case.verdict)
        wide.add_row(escape(case.name), *found, f"{left_out} of {tried}", verdict)
        narrow.add_row(escape(case.name), *(each.partition(" ")[0] for each in found), verdict)
    return Fitting((wide, narrow))


def witness_table(cases: Sequence[CaseVerdict]) -> Table:
    """One row per reference and scale: the largest error over many cases, and its place."""
    title = f"Gradients by hand, float64, {len(cases)} networks: largest errors"
    numbers = ("largest\nerror", "tensor", "left out\n(kinks)")
    table = table_of(title, ("witness", "scale"), numbers, "network")
    groups: dict[tuple[str, str], list[tuple[float, str, str, int, int]]] = {}
    for case in cases:
        for t in case.tensors:
            stage = "forward pass" if t.name.startswith("forward ") else "gradient"
            error = t.max_abs if t.scale == "absolute" else t.max_rel or 0.0
            groups.setdefault((f"{t.witness}, {stage}", t.scale), []).append(
                (error, t.name, case.name, t.left_out, t.compared)
            )
    for (witness, scale), entries in groups.items():
        error, tensor, network, *_ = max(entries)
        left_out = sum(entry[3] for entry in entries)
        tried = left_out + sum(entry[4] for entry in entries)
        share = f"{left_out} of {tried}" if "central" in witness else "-"
        table.add_row(witness, scale, number(error), tensor, share, escape(network))
    return table


def golden_table(cases: Sequence[CaseVerdict]) -> Table:
    """One row per golden case: the largest error of the file against each implementation."""
    title = "Golden files: the file's values against each implementation's"
    words, numbers = ("case", "not in the file"), ("tensors", "manual", "autograd")
    table = table_of(title, words, numbers, "verdict")
    for case in cases:
        names = {tensor.name for tensor in case.tensors}
        table.add_row(
            escape(case.name),
            escape(", ".join(case.not_judged)) or "-",
            str(len(names)),
            *(
                number(max(t.max_abs for t in case.tensors if t.witness == witness))
                for witness in ("manual", "autograd")
            ),
            coloured(case.verdict),
        )
    return table


def details(cases: Sequence[CaseVerdict]) -> Iterator[Fitting | Table | str]:
    """Every tensor of every case; if there are too many, every reference of every case."""
    if sum(len(case.tensors) for case in cases) <= MOST_ROWS:
        yield from (tensor_table(case) for case in cases)
        return
    title = "Every case against every witness: largest error"
    numbers = ("tensors", "error", "tensor")
    table = table_of(title, ("case", "witness", "scale"), numbers, "verdict")
    for case in cases:
        for witness, scale in sorted({(t.witness, t.scale) for t in case.tensors}):
            judged = [t for t in case.tensors if (t.witness, t.scale) == (witness, scale)]
            worst = max(judged, key=excess)
            verdict = "disagree" if any(t.verdict == "disagree" for t in judged) else "agree"
            cells = (str(len(judged)), shown(worst), worst.name)
            table.add_row(escape(case.name), witness, scale, *cells, coloured(verdict))
    yield table
    yield "Every tensor of one network: --hidden and --details; of all: --json."


def tensor_table(case: CaseVerdict) -> Fitting:
    """Every tensor of one case: errors, worst index with both values, scale, verdict."""
    title = escape(case.name)
    numbers = ("max abs", "max rel", "worst at", "expected", "actual")
    wide = table_of(title, ("tensor", "witness", "judged"), numbers, "verdict")
    narrow = table_of(title, ("tensor", "witness"), (numbers[0], *numbers[2:]), "verdict")
    for t in case.tensors:
        judged = f"{t.scale} {t.tolerance:g}"
        if t.left_out:
            judged += f"; {t.left_out} of {t.left_out + t.compared} left out at kinks"
        if t.note:
            judged += f"; {t.note}"
        at, verdict = escape(",".join(map(str, t.worst_index)) or "-"), coloured(t.verdict)
        both = (f"{t.expected:.12g}", f"{t.actual:.12g}")
        errors = (number(t.max_abs), number(t.max_rel))
        wide.add_row(escape(t.name), t.witness, judged, *errors, at, *both, verdict)
        both = (f"{t.expected:.4g}", f"{t.actual:.4g}")
        narrow.add_row(escape(t.name), t.witness, errors[0], at, *both, verdict)
    return Fitting((wide, narrow))


def result_table(result: CheckResult) -> Fitting | Table | Text:
    """One row for each case that disagrees, and one for all others."""
    witnesses = {t.witness for case in result.cases for t in case.tensors}
    if len(result.cases) > 30 and "central differences" in witnesses:
        return witness_table(result.cases)
    if "manual" in witnesses:
        return golden_table(result.cases)
    agreeing = [case for case in result.cases if case.verdict == "agree"]
    if len(agreeing) == len(result.cases):
        return Text(f"{result.title}: {agreement(agreeing)}")
    numbers = ("tensors", "largest\nerror", "of")
    table = table_of(escape(result.title), ("case", "against"), numbers, "verdict")
    for case in result.cases:
        if case.verdict == "agree":
            continue
        worst = max(case.tensors, key=excess, default=None)
        table.add_row(
            escape(case.name),
            "-" if worst is None else f"{worst.witness}, {worst.scale}",
            str(len({t.name for t in case.tensors})),
            "-" if worst is None else shown(worst),
            "-" if worst is None else escape(worst.name),
            coloured(case.verdict),
        )
    if agreeing:
        table.caption = agreement(agreeing)
    return table


def agreement(cases: Sequence[CaseVerdict]) -> str:
    """A line about the cases that agree."""
    tensors = [tensor for case in cases for tensor in case.tensors]
    exact = [t for t in tensors if t.witness != "central differences"]
    agreeing = "1 case agrees" if len(cases) == 1 else f"{len(cases)} cases agree"
    said = f"{agreeing}, {len(tensors)} comparisons"
    for scale in ("relative", "absolute"):
        errors = [(float(shown(t)), t) for t in exact if t.scale == scale]
        if errors:
            error, worst = max(errors, key=lambda pair: pair[0])
            said += f"; largest {scale} error {error:.1e} ({worst.name}, {worst.witness})"
    return said


def excess(tensor: TensorVerdict) -> float:
    """A tensor's error as a fraction of the tolerance."""
    error = tensor.max_abs if tensor.scale == "absolute" else tensor.max_rel or 0.0
    return error / tensor.tolerance if tensor.tolerance else error


def shown(tensor: TensorVerdict) -> str:
    """The error on the scale on which it is judged."""
    return number(tensor.max_abs if tensor.scale == "absolute" else tensor.max_rel or 0.0)


def assumed_text(result: CheckResult) -> Text:
    """What was assumed about the code, in a paragraph."""
    said = Text("assumed: ", style="bold")
    for number, (key, value) in enumerate(result.assumed.items()):
        said.append("; " if number else "", style="not bold")
        said.append(f"{key} ", style="not bold dim")
        said.append(value, style="not bold")
    return said


def rests_on_text(result: CheckResult) -> Text:
    """What was compared in the code, and what was not checked."""
    said = Text("compared: ", style="bold")
    counts = ", ".join(f"{what} {number}" for what, number in result.quantities.items())
    said.append(f"{result.compared} ({counts})" if counts else "nothing", style="not bold")
    if result.not_checked:
        said.append("\nnot checked: ", style="bold")
        said.append("; ".join(result.not_checked), style="not bold")
    return said


def finding_text(finding: Finding, path: str) -> Text:
    """A finding with the line of the file."""
    place = path if finding.line is None else f"{path}:{finding.line}"
    return Text(f"{place}: {finding.message}", style="bold red" if finding.fails else "yellow")
