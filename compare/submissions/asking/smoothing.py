"""Tell label smoothing by the cost; by the gradients where there is no cost."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from compare.submissions.asking.trying import Attempt
from compare.submissions.matching import is_close, readings
from compare.submissions.source import Source

USUAL = (0.1, 0.05, 0.2, 0.01, 0.15, 0.25, 0.3, 0.5)
"""Shares that are tried beside the constants of the file."""


def label_smoothing(source: Source, attempts: Iterable[Attempt]) -> tuple[float, str] | None:
    """The share of the labels that is spread evenly over the classes, and what shows it,
    in words; None if there is none."""
    for tried in attempts:
        if tried.code is None or (tried.p is not None and not tried.outputs):
            continue
        shown = "as the gradients show" if tried.cost is None else "as the cost shows"
        for share in (0.0, *candidates(source)):
            if has_smoothing(tried, share):
                if share:
                    return share, shown
                break
    return None


def has_smoothing(tried: Attempt, share: float) -> bool:
    """Whether the cost, or every gradient where there is no cost, is that of smoothed labels."""
    assert tried.code is not None
    case = replace(tried.spec, smoothing=share).case()
    for gradients, trace in readings(case, tried.code.eps_forms):
        if tried.cost is not None:
            right = is_close(tried.cost, trace["cost"])
        else:
            expected = tried.code.expected()
            right = all(is_close(tried.gradients.get(n), gradients[n]) for n in expected)
        if right:
            return True
    return False


def candidates(source: Source) -> Iterator[float]:
    """Shares that the code may spread."""
    constants = source.slopes()
    kept = [round(1 - value, 12) for value in constants]
    yield from dict.fromkeys(s for s in [*USUAL, *constants, *kept] if 0 < s < 1)
