"""A case as a map of layers and tensors: the error of each, and where it comes from."""

import re
from dataclasses import dataclass
from math import inf, log10

import numpy as np

from compare.diagnosis.blame import Status
from compare.diagnosis.examination import Examination
from compare.numerics.agreement import CaseVerdict
from compare.reports.nodes import MARKS, MEANINGS, error_words, layer, shown_error, worst_words

COLUMNS = {
    "forward": (
        *("s", "mu", "v", "s_hat", "s_tilde", "x", "x_hat", "x_tilde", "x_drop"),
        *("p", "loss", "cost"),
    ),
    "backward": (
        *("x_drop", "x_tilde", "x_hat", "x", "s_tilde", "gamma", "beta", "s_hat", "v", "mu", "s"),
        *("W", "b"),
    ),
}
"""Order of execution within a layer with normalisation before the activation."""

LAST = ("p", "loss", "cost")
"""Tensors without a number; they belong to the last layer."""

TENSOR = re.compile(r"(forward )?(grad_)?([A-Za-z][A-Za-z_]*?)(_?)(\d+)?")
"""Our names and those of golden files: forward s1, W1, grad_W_1, mu_1, P."""

GOLDEN_KINDS = {"P": "p", "J": "cost"}

STOPS = (
    (-17, (230, 244, 234)),
    (-11, (253, 243, 208)),
    (-6, (246, 178, 107)),
    (0, (153, 27, 27)),
)
"""log10 of an error, with its colour; colours in between are interpolated."""


@dataclass(frozen=True)
class Cell:
    """One tensor.

    Arguments:
        status: as in blame.
        error: relative; None where not given.
        said: all that is known, for a tooltip.
    """

    status: Status
    error: float | None
    said: str

    @property
    def mark(self) -> str:
        """The status as a character."""
        return MARKS[self.status][0]

    @property
    def text(self) -> str:
        """log10 of the error, abbreviated."""
        if self.error is None:
            return ""
        if not 0 < self.error < inf:
            return "exact" if self.error == 0 else "inf"
        return f"{log10(self.error):.1f}".replace("-0.0", "0.0")

    @property
    def colours(self) -> tuple[str, str]:
        """Background and text colour."""
        if self.error is None:
            return "#f4f4f4", "#555"
        finite = 0 < self.error < inf
        level = log10(self.error) if finite else (0 if self.error else STOPS[0][0])
        levels = [stop[0] for stop in STOPS]
        red, green, blue = (
            round(float(np.interp(level, levels, [stop[1][part] for stop in STOPS])))
            for part in range(3)
        )
        return f"#{red:02x}{green:02x}{blue:02x}", "#fff" if level > -3 else "#222"


@dataclass(frozen=True)
class HeatMap:
    """The map of one pass.

    Arguments:
        stage: "forward" or "backward".
        columns: kinds of tensors, in order.
        rows: layers in order of execution, each with a cell a column; None where a layer has no
            such tensor.
    """

    stage: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[Cell | None, ...]], ...]


Cells = dict[tuple[str, int, str], Cell]
"""Cells by pass, layer and kind."""


def heat_maps(case: CaseVerdict) -> list[HeatMap]:
    """The maps of the forward and backward pass, if anything in them was judged."""
    cells = of_tensors(case) if case.examination is None else of_nodes(case.examination)
    maps = []
    for stage, kinds in COLUMNS.items():
        present = {key[1:]: cell for key, cell in cells.items() if key[0] == stage}
        if all(cell.status == "not given" for cell in present.values()):
            continue
        columns = tuple(kind for kind in kinds if any(key[1] == kind for key in present))
        layers = sorted({key[0] for key in present}, reverse=stage == "backward")
        rows = tuple((l, tuple(present.get((l, kind)) for kind in columns)) for l in layers)
        maps.append(HeatMap(stage, columns, rows))
    return maps


def of_nodes(examination: Examination) -> Cells:
    """Cells from the result of blame."""
    cells: Cells = {}
    for node in examination.blame.nodes:
        kind = node.name.rstrip("0123456789")
        said = f"{label(node.stage, node.name)}: {node.status}, {MEANINGS[node.status]}"
        if node.status != "not given":
            said += "; " + ", ".join(filter(None, [error_words(node), worst_words(node)]))
        if node.recovered:
            said += "; not given, but recovered from the gradient of W"
        key = (node.stage, layer(node, examination), kind)
        cells[key] = Cell(node.status, shown_error(examination.evidence, node), said)
    return cells


def of_tensors(case: CaseVerdict) -> Cells:
    """Cells from the verdicts, with the worst reference of each tensor."""
    places = [place_of(tensor.name) for tensor in case.tensors]
    depth = max((place[1] for place in places if place), default=1)
    worst: dict[tuple[str, int, str], tuple[bool, float, Cell]] = {}
    for tensor, place in zip(case.tensors, places, strict=True):
        if place is None or tensor.witness == "central differences":
            continue
        key = (place[0], place[1] or depth, place[2])
        error = tensor.max_abs if tensor.scale == "absolute" else tensor.max_rel or 0.0
        wrong = tensor.verdict == "disagree"
        said = (
            f"{label(place[0], tensor.name)}: {tensor.verdict} with {tensor.witness}; "
            f"{tensor.scale} error {error:.1e}"
        )
        if key not in worst or (wrong, error) > worst[key][:2]:
            worst[key] = (wrong, error, Cell("unclear" if wrong else "agrees", error, said))
    return {key: cell for key, (_, _, cell) in worst.items()}


def place_of(name: str) -> tuple[str, int, str] | None:
    """Pass, layer (0 for the last) and kind of a tensor, from its name; None for other tensors."""
    found = TENSOR.fullmatch(name)
    if found is None:
        return None
    forward, gradient, kind, golden, number = found.groups()
    kind = GOLDEN_KINDS.get(kind, kind)
    is_value = bool(forward or kind in LAST or (golden and not gradient))
    stage = "forward" if is_value else "backward"
    if kind not in COLUMNS[stage] or (number is None) != (kind in LAST):
        return None
    return stage, int(number or 0), kind


def label(stage: str, name: str) -> str:
    """A tensor's name for people."""
    return f"value {name.removeprefix('forward ')}" if stage == "forward" else f"gradient by {name}"
