"""What was found of one submission, without points: enough for every output, ready for JSON."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from compare.grading.imports import Used

Outcome = Literal["right", "wrong", "could not run"]


@dataclass(frozen=True)
class Compared:
    """The comparisons of one case.

    Arguments:
        case: its name.
        networks: "without batch norm" or "with batch norm"; "" of a single layer.
        layer: the name of a single layer; "" of a network.
        agrees: by tensor whether every comparison of it agrees.
        missing: parameters whose gradient was not returned.
    """

    case: str
    networks: str
    layer: str
    agrees: dict[str, bool]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judged:
    """One submission.

    Arguments:
        name: of the student.
        file: the file that was judged, as the student named it.
        outcome: the verdict.
        reason: why it is not right, in one line.
        spoiled: what makes every number of it doubtful, such as two calls that differ.
        comparisons: how many there were.
        compared: case by case.
        conventions: names of the rubric's conventions that it uses.
        assumed: conventions assumed for the code.
        findings: mistakes that no number shows, and notes.
        not_checked: parts that were not compared.
        used: its imports.
        seconds: how long it ran and was judged.
        page: of its report, a piece of HTML.
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
        """Everything, as JSON has it."""
        return asdict(self)


def from_json(values: dict[str, Any]) -> Judged:
    """The same back.

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
