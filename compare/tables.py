"""Verdicts as tables in a terminal."""

from collections.abc import Sequence

from rich.table import Table

from compare.agreement import CaseVerdict, TensorVerdict

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
