"""Tables of the counts, for the terminal and as Markdown."""

from typing import Any

from rich import box
from rich.table import Table

from validation.counted import GROUPS, SHOWINGS

FOUND = (
    "faults",
    "shown",
    "seen",
    "found",
    "suspected",
    "alone",
    "mean",
    "named",
    "layers",
)
COMPARED = ("check", *GROUPS, "false alarms", "at a kink", "told apart")

SHORT = {"everything": "all", "parameters": "params"}
"""Short names of what is shown, for a narrow terminal."""

Rows = list[tuple[str, ...]]


def found_rows(counts: dict[str, Any]) -> Rows:
    """One row for each group of faults and each way of showing values."""
    rows: Rows = []
    for group in GROUPS:
        for shown in SHOWINGS.values():
            line = counts["found"][group][shown]
            seen, asked = line["seen"], line["asked"]
            rows.append(
                (
                    group,
                    SHORT[shown],
                    f"{seen}/{line['planted']}",
                    percent(line["detected"], seen),
                    percent(line["suspected"], seen),
                    percent(line["localised"], seen),
                    f"{line['suspects']:.1f}",
                    percent(line["named"], asked),
                    percent(line["named_with_layer"], asked),
                )
            )
    return rows


def compared_rows(counts: dict[str, Any]) -> Rows:
    """One row for each check."""
    return [
        (
            line["check"],
            *(percent(line["detected"][group], line["faults"][group]) for group in GROUPS),
            f"{line['false_alarms']} of {line['right']}",
            f"{line['false_alarms_at_kink']} of {line['right_at_kink']}",
            percent(line["told_apart"], line["faults_without_kink"]),
        )
        for line in counts["other_checks"]
    ]


def percent(part: int, whole: int) -> str:
    """A share in percent; 100 only if it is exactly 100."""
    if not whole:
        return "-"
    share = 100 * part / whole
    return "100" if part == whole else f"{min(share, 99.9):.1f}"


def table(title: str, columns: tuple[str, ...], rows: Rows) -> Table:
    """A table for the terminal."""
    made = Table(
        title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0), pad_edge=False
    )
    for column in columns:
        made.add_column(column)
    for row in rows:
        made.add_row(*row)
    return made


def markdown(columns: tuple[str, ...], rows: Rows) -> str:
    """A table in Markdown."""
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
