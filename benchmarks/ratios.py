"""Ratios of alternating measurements, round by round: a busy machine then slows both sides."""

import statistics
from collections.abc import Sequence
from typing import Any


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Median, range and number."""
    return {
        "median": statistics.median(values),
        "range": [min(values), max(values)],
        "n": len(values),
    }


def ratio(above: Sequence[float], below: Sequence[float]) -> dict[str, Any]:
    """The spread of the ratios above / below of every round."""
    return spread([a / b for a, b in zip(above, below, strict=True)])


def spell(figure: dict[str, Any], digits: str = ".2f") -> str:
    """A spread as text: the median, and in brackets the range and n."""
    low, high = (format(end, digits) for end in figure["range"])
    return f"{figure['median']:{digits}} ({low} to {high}, n = {figure['n']})"
