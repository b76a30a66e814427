"""Gradients with dropout on, beside central differences of the code's own cost.

Which units are dropped is the code's own draw, which no reference can know; but a draw by a fixed
seed is the same in every call, so that the code's own cost has a derivative.
"""

from compare.submissions.asking.collect import ENTRIES, entries_of, slopes_at, take
from compare.submissions.asking.failures import CodeFailure, Unsupported
from compare.submissions.layouts.layout import Code
from compare.submissions.report import Report
from compare.submissions.request import CaseSpec
from compare.submissions.submission import Dropped

KEEP = 0.7
"""The share of units that is kept."""

DROPOUT = "dropout"


def examine_dropout(code: Code, spec: CaseSpec, report: Report) -> None:
    """Run one case with dropout, if the code supports it, and add the result to the report."""
    case = spec.case()
    dropping = code.with_dropout(KEEP)
    if dropping is None:
        report.leave_out(f"{DROPOUT} (off)")
        return
    try:
        first, second, plain = (
            one.cost(case, one.hand_over(case, "float64")) for one in (dropping, dropping, code)
        )
        if first == plain:
            report.leave_out(f"{DROPOUT} (its argument changes nothing)")
            return
        if first != second:
            report.leave_out(f"{DROPOUT} (off: it draws anew in every call, whatever the seed)")
            return
        taken = take(
            dropping, case, dropping.evaluate(case, dropping.hand_over(case, "float64")), None
        )
        places = [
            (name, index)
            for name, value in case.parameters.items()
            if name in taken.gradients
            for index in entries_of(value.shape, None, value, spec.seed)[: ENTRIES // 2]
        ]
        slopes = slopes_at(dropping, case, places)
    except (CodeFailure, Unsupported) as problem:
        report.leave_out(f"{DROPOUT} (off; with it: {problem})")
        return
    found: dict[str, list[tuple[float, float]]] = {}
    for name, index, slope in slopes:
        found.setdefault(name, []).append((float(taken.gradients[name][index]), slope))
    report.dropped.append(Dropped(KEEP, case.name, found))
