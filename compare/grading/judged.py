"""The verdict on one submission, without points."""

import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from compare.grading.imports import Used

Outcome = Literal["right", "wrong", "could not run"]


@dataclass(frozen=True)
class Compared:
    """The comparisons of one case.

    Arguments:
        case: name of the case.
        networks: "without batch norm" or "with batch norm"; "" for a single layer.
        layer: name of the single layer; "" for a network.
        agrees: by tensor, whether every comparison of it agrees.
        missing: parameters whose gradient was not returned.
    """

    case: str
    networks: str
    layer: str
    agrees: dict[str, bool]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judged:
    """The verdict on one submission.

    Arguments:
        name: of the student.
        file: the file that was judged, as the student named it.
        outcome: the verdict.
        reason: why it is not right, in one line.
        spoiled: a reason to trust none of its numbers, such as two calls with different results.
        comparisons: number of comparisons.
        compared: the comparisons of each case.
        conventions: names of the rubric's conventions that it uses.
        assumed: conventions assumed for the code.
        findings: mistakes that are not visible in a tensor, and notes.
        not_checked: parts that were not compared.
        used: its imports.
        seconds: time to run and judge it.
        page: the report of the check as HTML.
    """

    name: str
    file: str
    outcome: Outcome
    reason: str = ""
    spoiled: str = ""
    comparisons: int = 0
    compared: tuple[Compared, ...] = ()
    conventions: tuple[str, ...] = ()
    assumed: dict[str, str] = field(default_factory=dict)
    findings: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()
    used: Used = field(default_factory=Used)
    seconds: float = 0.0
    page: str = ""

    def as_json(self) -> dict[str, Any]:
        """Every field, ready for JSON."""
        return asdict(self)


def shortened(text: str, longest: int) -> str:
    """The sentences of a text up to a length; the words of the first if it alone is longer."""
    if len(text) <= longest:
        return text
    sentences = re.match(r".*[.?!](?= )", text[:longest])
    return sentences[0] if sentences else text[: longest - 3].rpartition(" ")[0] + "..."


def from_json(values: dict[str, Any]) -> Judged:
    """The verdict that `as_json` describes.

    Raises:
        TypeError, KeyError: it is something else.
    """
    values = dict(values)
    compared = (Compared(**entry) for entry in values["compared"])
    values["compared"] = tuple(replace(case, missing=tuple(case.missing)) for case in compared)
    values["used"] = Used(**{key: tuple(held) for key, held in values["used"].items()})
    for key in ("conventions", "findings", "not_checked"):
        values[key] = tuple(values[key])
    return Judged(**values)
