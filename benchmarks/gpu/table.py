"""The table of the GPU benchmark: rows, ratios to peers, and targets."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.ratios import ratio, spell, spread
from scripts.output import Output


@dataclass(frozen=True)
class Target:
    """The target of a row.

    Arguments:
        limit: minimum ratio to the peer's speed, or maximum of the row's value without a peer.
        peer: the name of the peer, or None.
    """

    limit: float
    peer: str | None = None

    def __str__(self) -> str:
        return f">= {self.limit:g} x {self.peer}" if self.peer else f"<= {self.limit:g}"

    def met(self, value: float, over: Mapping[str, dict[str, Any]]) -> bool | None:
        """Whether a row meets the target; None if the peer was not measured.

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
    """The rows so far, written after each one, so that an early end keeps the results.

    Arguments:
        output: for the lines and the JSON.
        about: further entries of the JSON.
        judged: whether to compare rows with their targets, which are for full sizes.
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
        """Add a measurement.

        Arguments:
            values: of each round.
            unit: of the values.
            precision: float64, float32, or TF32 for the factors of products.
            peers: values of the peers in the same rounds, for the ratios.
            target: of the row.
        """
        figure = spread(values)
        row: dict[str, Any] = {
            "what": what,
            "precision": precision,
            "value": figure["median"] if math.isfinite(figure["median"]) else None,
            "unit": unit,
            "range": figure["range"] if all(map(math.isfinite, values)) else None,
            "n": len(values),
            "over": {name: ratio(values, below) for name, below in (peers or {}).items()},
            "target": None,
            "met": None,
        }
        if target and self.judged:
            row |= {"target": str(target), "met": target.met(figure["median"], row["over"])}
        self.add(row)

    def missing(self, what: str, why: str, *, precision: str = "float32") -> None:
        """Add a row for something that was not measured, with the reason."""
        self.add({"what": what, "precision": precision, "value": None, "missing": why})

    def add(self, row: dict[str, Any]) -> None:
        """Add a row, print it and rewrite the file."""
        self.rows.append(row)
        self.output.print(line(row))
        if self.output.json_file != "-":
            self.write()

    def write(self) -> None:
        """Write the JSON."""
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
