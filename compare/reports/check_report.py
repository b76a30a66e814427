"""The result of `check` as one self-contained HTML file."""

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
"""Maximum number of worst entries shown for each case."""

SHOWN = 30
"""Maximum number of agreeing cases shown in detail; the others are listed by name."""

AROUND = 2
"""Number of lines of the user's file shown before and after that of a finding."""

LARGEST_FILE = 1_000_000
"""Maximum size in bytes of a user's file from which lines are shown."""


@dataclass(frozen=True)
class CasePage:
    """A case as it is shown on the page.

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
    """Write the page; the file is written completely or not at all.

    Raises:
        OSError: it cannot be written.
    """
    write_page(path, render(result))


def render(result: CheckResult) -> str:
    """The page as HTML."""
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
    """The diagnosis and the wrong tensors as HTML without a page, for notebooks."""
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
    """The contents of the page for one case."""
    examination = case.examination
    wrong = case.verdict == "disagree" and examination is not None
    return CasePage(
        case=case,
        maps=heat_maps(case),
        worst=worst_entries(case),
        steps=broken_steps(examination) if wrong and examination is not None else [],
    )


def worst_entries(case: CaseVerdict) -> list[TensorVerdict]:
    """The tensors that disagree, each with the reference that differs most.

    The first fault comes first, then the largest errors: inherited errors may be larger than the
    fault itself.
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
    """The size of a tensor's error, relative if possible."""
    return inf if tensor.max_rel is None else tensor.max_rel


def excerpt(path: str, line: int | None) -> list[tuple[int, str]]:
    """The numbered lines around a line of the user's file; none if it cannot be read."""
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
