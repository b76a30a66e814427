"""The result of watching a program."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from compare.numerics.agreement import Verdict
from compare.watching.judge import Judged
from compare.watching.lines import Line


@dataclass(frozen=True)
class Place:
    """A line of the program.

    Arguments:
        file: as its author calls it, or "cell 3" of a notebook.
        line: from 1.
        text: the line itself.
    """

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Finding:
    """A mistake, with the line where it is first visible.

    Arguments:
        what: "forward", "backward", "update", "momentum", "learning_rate", ...
        place: None where no line can be named.
        said: sentences, the first of which says what is wrong.
        fails: whether the verdict is "disagree" by it.
    """

    what: str
    place: Place | None
    said: tuple[str, ...]
    fails: bool = True

    def as_json(self) -> dict[str, Any]:
        """The finding, ready for JSON."""
        place = None if self.place is None else vars(self.place)
        return {"what": self.what, "place": place, "said": list(self.said), "fails": self.fails}


@dataclass(frozen=True, repr=False)
class WatchResult:
    """The result of `watch`.

    Arguments:
        program: its path as given.
        network: the rebuilt network in words.
        judged: the updates that were judged, in order.
        lines: the lines of one update, in order of execution.
        findings: what is wrong, the first line first.
        facts: what was told of the training: optimiser, learning rate, penalty, data.
        not_checked: what was not looked at, and why.
        ended: why the recording ended.
        warnings: about the run, such as data that stand in.
        output: the beginning of what the program printed.
        seconds: that rebuilding and judging took.
    """

    program: str
    network: str
    judged: Sequence[Judged]
    lines: Sequence[Line]
    findings: Sequence[Finding]
    facts: Mapping[str, str] = field(default_factory=dict)
    not_checked: Sequence[str] = ()
    ended: str = ""
    warnings: Sequence[str] = ()
    output: str = ""
    seconds: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """ "disagree" if a finding fails."""
        return "disagree" if any(finding.fails for finding in self.findings) else "agree"

    @property
    def agrees(self) -> bool:
        return self.verdict == "agree"

    @property
    def first(self) -> Finding | None:
        """The most important finding."""
        return next((finding for finding in self.findings if finding.fails), None)

    @property
    def diagnosis(self) -> str:
        """What is wrong, in sentences; "" if nothing is."""
        return "" if self.first is None else " ".join(self.first.said)

    @property
    def compared(self) -> int:
        """The number of arrays compared with the reference."""
        return sum(len(judged.verdict.tensors) for judged in self.judged)

    def as_json(self) -> dict[str, Any]:
        """The format of `watch --json` in DESIGN."""
        cases = []
        for judged in self.judged:
            case = judged.verdict.as_json()
            case.pop("examination")
            if case["first_fault"] and judged.wrong is not None and self.first is not None:
                place = self.first.place
                case["first_fault"] |= {
                    "file": place.file if place else None,
                    "line": place.line if place else None,
                }
            cases.append(case)
        return {
            "verdict": self.verdict,
            "program": self.program,
            "network": self.network,
            "compared": self.compared,
            "not_checked": list(self.not_checked),
            "assumed": [f"{name}: {said}" for name, said in self.facts.items()],
            "findings": [finding.as_json() for finding in self.findings],
            "lines": [line.as_json() for line in self.lines],
            "cases": cases,
            "ended": self.ended,
            "warnings": list(self.warnings),
            "output": self.output,
        }

    def __repr__(self) -> str:
        """What a terminal shows."""
        from rich.text import Text

        from compare.reports.plain import plain
        from compare.reports.watch_report import WatchText, summary

        return plain(WatchText(self), Text(summary(self)))

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from compare.reports.watch_report import fragment

        return fragment(self)
