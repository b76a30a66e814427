"""Verdicts as tables in a terminal."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from compare.numerics.agreement import CaseVerdict, TensorVerdict
from compare.reports.check_result import CheckResult
from compare.submissions import Finding

COLOUR = {"agree": "green", "disagree": "bold red"}


def coloured(verdict: str) -> str:
    """A verdict with its colour."""
    return f"[{COLOUR[verdict]}]{verdict}[/]"


def number(value: float | None) -> str:
    """Three digits, or a dash for nothing."""
    return "-" if value is None else f"{value:.1e}"


def largest(tensors: Sequence[TensorVerdict], witness: str, scale: str) -> str:
    """The largest error against one witness on one scale, and the tensor that has it."""
    chosen = [t for t in tensors if t.witness == witness and t.scale == scale]
    if not chosen:
        return "-"
    error = {"relative": lambda t: t.max_rel or 0.0, "absolute": lambda t: t.max_abs}[scale]
    worst = max(chosen, key=error)
    return f"{number(error(worst))} {worst.name}"


def gradient_table(cases: Sequence[CaseVerdict]) -> Table:
    """A line per case of `check`: the largest error against each witness."""
    table = Table(title="Gradients by hand, float64: largest error and where")
    for heading in (
        "case",
        "autograd,\nrelative",
        "complex step,\nrelative",
        "zero in theory,\nabsolute",
        "central diff.,\nabsolute",
        "left out\n(kinks)",
        "verdict",
    ):
        table.add_column(heading, overflow="fold")
    for case in cases:
        central = [t for t in case.tensors if t.witness == "central differences"]
        left_out = sum(t.left_out for t in central)
        tried = left_out + sum(t.compared for t in central)
        table.add_row(
            case.name,
            largest(case.tensors, "autograd", "relative"),
            largest(case.tensors, "complex step", "relative"),
            largest(case.tensors, "autograd", "absolute"),
            largest(case.tensors, "central differences", "absolute"),
            f"{left_out} of {tried}",
            coloured(case.verdict),
        )
    return table


def witness_table(cases: Sequence[CaseVerdict]) -> Table:
    """A line per witness and scale: the largest error over many cases, and where it was."""
    table = Table(title=f"Gradients by hand, float64, {len(cases)} networks: largest errors")
    for heading in ("witness", "scale", "largest error", "tensor", "network", "left out (kinks)"):
        table.add_column(heading, overflow="fold")
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
        table.add_row(witness, scale, number(error), tensor, network, share)
    return table


def golden_table(cases: Sequence[CaseVerdict]) -> Table:
    """A line per golden case: the largest error of the file against each implementation."""
    table = Table(title="Golden files: the file's values against each implementation's")
    for heading in ("case", "tensors", "manual", "autograd", "not in the file", "verdict"):
        table.add_column(heading, overflow="fold")
    for case in cases:
        names = {tensor.name for tensor in case.tensors}
        table.add_row(
            case.name,
            str(len(names)),
            *(
                number(max(t.max_abs for t in case.tensors if t.witness == witness))
                for witness in ("manual", "autograd")
            ),
            ", ".join(case.not_judged) or "-",
            coloured(case.verdict),
        )
    return table


def tensor_table(case: CaseVerdict) -> Table:
    """Every tensor of one case: errors, worst index with both values, scale, verdict."""
    table = Table(title=case.name)
    for heading in (
        "tensor",
        "witness",
        "max abs",
        "max rel",
        "worst at",
        "expected",
        "actual",
        "judged",
        "verdict",
    ):
        table.add_column(heading, overflow="fold")
    for t in case.tensors:
        judged = f"{t.scale} {t.tolerance:g}"
        if t.left_out:
            judged += f"; {t.left_out} of {t.left_out + t.compared} left out at kinks"
        if t.note:
            judged += f"; {t.note}"
        table.add_row(
            t.name,
            t.witness,
            number(t.max_abs),
            number(t.max_rel),
            str(list(t.worst_index)),
            f"{t.expected:.12g}",
            f"{t.actual:.12g}",
            judged,
            coloured(t.verdict),
        )
    return table


def result_table(result: CheckResult, *, every: bool) -> Table | Text:
    """The cases of a check: a line for each that disagrees, one for all the others.

    Arguments:
        every: a line for each.
    """
    witnesses = {t.witness for case in result.cases for t in case.tensors}
    if len(result.cases) > 30 and "central differences" in witnesses:
        return witness_table(result.cases)
    if "manual" in witnesses:
        return golden_table(result.cases)
    agreeing = [case for case in result.cases if case.verdict == "agree"]
    if not every and len(agreeing) == len(result.cases):
        return Text(f"{result.title}: {agreement(agreeing)}")
    table = Table(title=escape(result.title))
    for heading in ("case", "tensors", "largest error", "of", "against", "verdict"):
        table.add_column(heading, overflow="fold")
    for case in result.cases:
        if case.verdict == "agree" and not every:
            continue
        worst = max(case.tensors, key=excess, default=None)
        table.add_row(
            escape(case.name),
            str(len({t.name for t in case.tensors})),
            "-" if worst is None else f"{shown(worst)} {worst.scale}",
            "-" if worst is None else worst.name,
            "-" if worst is None else worst.witness,
            coloured(case.verdict),
        )
    if agreeing and not every:
        table.caption = agreement(agreeing)
    return table


def agreement(cases: Sequence[CaseVerdict]) -> str:
    """Cases that agree, in a line."""
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
    """How much of what it is allowed a tensor uses."""
    error = tensor.max_abs if tensor.scale == "absolute" else tensor.max_rel or 0.0
    return error / tensor.tolerance if tensor.tolerance else error


def shown(tensor: TensorVerdict) -> str:
    """The error on the scale it is judged on."""
    return number(tensor.max_abs if tensor.scale == "absolute" else tensor.max_rel or 0.0)


def assumed_text(result: CheckResult) -> Text:
    """What was taken for granted of somebody's code, in a paragraph."""
    said = Text("assumed: ", style="bold")
    for number, (key, value) in enumerate(result.assumed.items()):
        said.append("; " if number else "", style="not bold")
        said.append(f"{key} ", style="not bold dim")
        said.append(value, style="not bold")
    return said


def rests_on_text(result: CheckResult) -> Text:
    """What the verdict on somebody's code rests on, and what it says nothing of."""
    said = Text("compared: ", style="bold")
    counts = ", ".join(f"{what} {number}" for what, number in result.quantities.items())
    said.append(f"{result.compared} ({counts})" if counts else "nothing", style="not bold")
    if result.not_checked:
        said.append("\nnot checked: ", style="bold")
        said.append("; ".join(result.not_checked), style="not bold")
    return said


def finding_text(finding: Finding, path: str) -> Text:
    """What went wrong, with the line of the file."""
    place = path if finding.line is None else f"{path}:{finding.line}"
    return Text(f"{place}: {finding.message}", style="bold red" if finding.fails else "yellow")
