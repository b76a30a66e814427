"""The table of the GPU benchmark: rows, what they are measured against, and what was asked."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.ratios import ratio, spell, spread
from scripts.output import Output


@dataclass(frozen=True)
class Target:
    """What a row is asked to reach.

    Arguments:
        limit: the number.
        peer: whose speed it is a multiple of; None where the row's own value is limited.
    """

    limit: float
    peer: str | None = None

    def __str__(self) -> str:
        return f">= {self.limit:g} x {self.peer}" if self.peer else f"<= {self.limit:g}"

    def met(self, value: float, over: Mapping[str, dict[str, Any]]) -> bool | None:
        """Whether a row reaches it; None where the peer was not measured.

        Arguments:
            value: of the row.
            over: its ratio to each peer.
        """
        if self.peer is None:
            return value <= self.limit
        if self.peer not in over:
            return None
        return bool(over[self.peer]["median"] >= self.limit)


class Table:
    """The rows so far, written after each, so that an early end keeps what was measured.

    Arguments:
        output: where the JSON and the lines go.
        about: what the JSON says beside the rows.
        judged: whether the rows are held against their targets, which are those of full sizes.
    """

    def __init__(self, output: Output, about: dict[str, Any], *, judged: bool) -> None:
        self.output, self.about, self.judged = output, about, judged
        self.rows: list[dict[str, Any]] = []

    def row(
        self,
        what: str,
        values: Sequence[float],
        unit: str,
        *,
        precision: str = "float32",
        peers: Mapping[str, Sequence[float]] | None = None,
        target: Target | None = None,
    ) -> None:
        """Adds what was measured.

        Arguments:
            values: of each round.
            unit: of the values.
            precision: float64, float32, or TF32 for the factors of products.
            peers: values of the same rounds that these are divided by.
            target: what was asked.
        """
        found = spread(values)
        row: dict[str, Any] = {
            "what": what,
            "precision": precision,
            "value": found["median"] if math.isfinite(found["median"]) else None,
            "unit": unit,
            "range": found["range"] if all(map(math.isfinite, values)) else None,
            "n": len(values),
            "over": {name: ratio(values, below) for name, below in (peers or {}).items()},
            "target": None,
            "met": None,
        }
        if target and self.judged:
            row |= {"target": str(target), "met": target.met(found["median"], row["over"])}
        self.add(row)

    def missing(self, what: str, why: str, *, precision: str = "float32") -> None:
        """Adds what was not measured, and why."""
        self.add({"what": what, "precision": precision, "value": None, "missing": why})

    def add(self, row: dict[str, Any]) -> None:
        """Adds a row, shows it and writes the file anew."""
        self.rows.append(row)
        self.output.print(line(row))
        if self.output.json_file != "-":
            self.write()

    def write(self) -> None:
        """The JSON as it stands."""
        self.output.write({**self.about, "rows": self.rows})


def line(row: Mapping[str, Any]) -> str:
    """A row as text."""
    head = f"{row['what']:46s} {row['precision']:8s}"
    if "missing" in row:
        return f"{head} not measured: {row['missing']}"
    value = "-" if row["value"] is None else f"{row['value']:.4g}"
    text = f"{head} {value:>10s} {row['unit']}"
    if row["n"] > 1 and row["range"]:
        text += " ({:.4g} to {:.4g}, n = {})".format(*row["range"], row["n"])
    for name, over in row["over"].items():
        text += f"; {spell(over)} x {name}"
    if row["target"]:
        word = {True: "met", False: "MISSED", None: "peer not measured"}[row["met"]]
        text += f"; target {row['target']}: {word}"
    return text
