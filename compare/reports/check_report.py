"""What `check` found as one HTML file that needs no other."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

from compare.numerics.agreement import CaseVerdict, TensorVerdict
from compare.reports.check_result import CheckResult, by_telling
from compare.reports.formulas import BrokenStep, broken_steps
from compare.reports.heat_map import HeatMap, heat_maps
from compare.reports.nodes import MARKS, MEANINGS
from twingrad.pages import render_page, scientific, write_page

WORST = 8
"""How many of the worst entries are shown for each case."""

SHOWN = 30
"""How many fully agreeing cases are shown in detail; the rest are listed by name."""

AROUND = 2
"""Lines of the user's file above and below that of a finding."""

LARGEST_FILE = 1_000_000
"""Bytes; nobody writes such a file by hand, and it would be read for a few lines."""


@dataclass(frozen=True)
class CasePage:
    """A case as the page shows it.

    Arguments:
        case: what was found.
        maps: its heat maps.
        worst: the tensors that are furthest off, one witness each.
        steps: the broken step, or those suspected.
    """

    case: CaseVerdict
    maps: Sequence[HeatMap]
    worst: Sequence[TensorVerdict]
    steps: Sequence[BrokenStep]


def write_check_report(path: Path, result: CheckResult) -> None:
    """Writes the page, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    write_page(path, render(result))


def render(result: CheckResult) -> str:
    """The page."""
    agreeing = [case for case in result.cases if case.verdict == "agree"]
    return render_page(
        Path(__file__).with_name("check_report.html.jinja"),
        filters={"sci": scientific},
        result=result,
        faulty=[page(case) for case in result.cases if case.verdict == "disagree"],
        agreeing=[page(case) for case in agreeing[:SHOWN]],
        others=[case.name for case in agreeing[SHOWN:]],
        excerpts=[excerpt(result.path, finding.line) for finding in result.findings],
        marks={status: (mark, MEANINGS[status]) for status, (mark, _) in MARKS.items()},
    )


def fragment(result: CheckResult) -> str:
    """What a notebook shows: the diagnosis and the wrong tensors, without a page around them."""
    examined = by_telling(result.cases)
    telling = next((c for c in result.cases if examined and c.examination is examined[0]), None)
    return render_page(
        Path(__file__).with_name("check_fragment.html.jinja"),
        filters={"sci": scientific},
        result=result,
        place=examined[0].place if examined else "",
        telling=telling,
        worst=[] if telling is None else worst_entries(telling),
    )


def page(case: CaseVerdict) -> CasePage:
    """All that the page shows of one case."""
    examination = case.examination
    wrong = case.verdict == "disagree" and examination is not None
    return CasePage(
        case=case,
        maps=heat_maps(case),
        worst=worst_entries(case),
        steps=broken_steps(examination) if wrong and examination is not None else [],
    )


def worst_entries(case: CaseVerdict) -> list[TensorVerdict]:
    """The tensors that disagree, each with the witness furthest from it.

    That of the first fault comes first, then the worst: what merely inherits may be further off.
    """
    furthest: dict[str, TensorVerdict] = {}
    for tensor in case.tensors:
        known = furthest.get(tensor.name)
        if tensor.verdict == "disagree" and (known is None or size(tensor) > size(known)):
            furthest[tensor.name] = tensor
    first = ""
    if case.first_fault is not None:
        value = case.first_fault["pass"] == "forward"
        first = ("forward " if value else "") + case.first_fault["tensor"].removeprefix("forward ")
    ranked = sorted(furthest.values(), key=lambda tensor: (tensor.name != first, -size(tensor)))
    return ranked[:WORST]


def size(tensor: TensorVerdict) -> float:
    """How far off a tensor is: relative to it, where that can be said."""
    return inf if tensor.max_rel is None else tensor.max_rel


def excerpt(path: str, line: int | None) -> list[tuple[int, str]]:
    """The numbered lines around a line of the user's file; none where it cannot be read."""
    if line is None or not path:
        return []
    try:
        file = Path(path)
        if not file.is_file() or file.stat().st_size > LARGEST_FILE:
            return []
        text = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except (OSError, ValueError):
        return []
    numbered = list(enumerate(text, start=1))
    return numbered[max(0, line - 1 - AROUND) : line + AROUND]
