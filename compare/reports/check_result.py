"""The result of one `check`."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from compare.diagnosis.examination import UNKNOWN, Examination
from compare.diagnosis.search import Match
from compare.diagnosis.state_diagnosis import StateExamination
from compare.numerics.agreement import CaseVerdict, Verdict, overall
from compare.numerics.structure import VALUE, is_value
from compare.submissions import Finding

WITHIN = (
    "What differs is within 1e-11 of its tensor: rounding that somebody else did otherwise, or a "
    "fault too small to be placed."
)


@dataclass(frozen=True, repr=False)
class CheckResult:
    """What `check` reports.

    Arguments:
        title: what was checked.
        cases: the cases with their verdicts.
        findings: mistakes and notes that are not differences of a tensor.
        assumed: what was assumed about the code: layout, orientation, penalty, ...
        output: the text that the code printed.
        lines: the lines of its functions, by name.
        path: its file, as given.
        states: what is wrong with training, if anything is and it was followed.
        hints: what else may help to find a fault.
        untried: what was not looked at in somebody's code, such as kinds of networks that it does
            not do.
        covered: the parts of `compare.submissions.coverage.COVERAGE` that were compared.
    """

    title: str
    cases: tuple[CaseVerdict, ...]
    findings: tuple[Finding, ...] = ()
    assumed: Mapping[str, str] = field(default_factory=dict)
    output: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)
    path: str = ""
    states: StateExamination | None = None
    hints: tuple[str, ...] = ()
    untried: tuple[str, ...] = ()
    covered: frozenset[str] = frozenset()

    @property
    def verdict(self) -> Verdict:
        """The verdict "disagree" if a case disagrees or a finding fails the check."""
        failed: list[Verdict] = ["disagree" for finding in self.findings if finding.fails]
        return overall([*(case.verdict for case in self.cases), *failed])

    @property
    def compared(self) -> int:
        """The number of tensors compared with a reference, over all cases."""
        return sum(len(case.tensors) for case in self.cases)

    @property
    def quantities(self) -> dict[str, int]:
        """The number of comparisons by quantity: "gradient of W", "value of p", "running v"."""
        return dict(Counter(quantity(c.name, t.name) for c in self.cases for t in c.tensors))

    @property
    def not_checked(self) -> tuple[str, ...]:
        """Everything that was not checked."""
        missing = [f"gradient of {name} (not given)" for name in not_judged(self.cases)]
        return (*(missing if self.path else ()), *self.untried)

    @property
    def agrees(self) -> bool:
        return self.verdict == "agree"

    @property
    def diagnosis(self) -> str:
        """What is wrong, in sentences: first where, then what; "" if nothing is."""
        if self.agrees:
            return ""
        examined = by_telling(self.cases)
        place = [examined[0].place] if examined and examined[0].place else []
        failed = [finding.message for finding in self.findings if finding.fails]
        return " ".join([*place, *self.summary] or failed[:1])

    @property
    def explained(self) -> list[Match]:
        """The faults that explain the wrong cases, without duplicates.

        A case may have several explanations (with lambda 0 or a single layer some are equal); one
        that holds in every case is preferred.
        """
        examined = by_telling(self.cases)
        counts = support(examined)
        chosen: dict[str, Match] = {}
        for examination in examined:
            matches = examination.diagnosis.matches
            if matches:
                # the fewest faults, then what most cases agree on, then the smallest residual
                best = min(
                    matches,
                    key=lambda m: (len(m.candidate.parts), -counts[kind(m)], m.residual),
                )
                chosen.setdefault(kind(best), best)
        return [match for name, match in chosen.items() if 2 * counts[name] >= len(examined)]

    @property
    def summary(self) -> list[str]:
        """The diagnosis over all cases, in sentences."""
        said: list[str] = []
        for match in self.explained:
            said += match.sentences
        trusted = {part.fault.name for m in self.explained for part in m.candidate.parts}
        unexplained = [
            case.name
            for case in self.cases
            if case.examination is not None
            and case.examination.evidence.wrong
            and not any(
                {part.fault.name for part in match.candidate.parts} <= trusted
                for match in case.examination.diagnosis.matches
            )
        ]
        examined = by_telling(self.cases)
        most = max(support(examined).values(), default=0)
        if unexplained and not said and most:
            said.append(
                f"No known fault explains all {len(examined)} wrong cases; the likeliest explains "
                f"{most}."
            )
        elif unexplained and not said:
            said.append(f"{UNKNOWN[0].upper()}{UNKNOWN[1:]}.")
        elif unexplained:
            said.append(f"That does not explain: {', '.join(unexplained)}.")
        if any(
            case.verdict == "disagree" and case.examination and not case.examination.evidence.wrong
            for case in self.cases
        ):
            said.append(WITHIN)
        if self.states is not None:
            said += self.states.sentences
        said += self.hints
        return said

    def __repr__(self) -> str:
        """What a terminal shows."""
        from compare.reports.check_text import CheckText
        from compare.reports.plain import plain

        return plain(CheckText(self))

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from compare.reports.check_report import fragment

        return fragment(self)

    def as_json(self) -> dict[str, Any]:
        """The format in DESIGN, with what was assumed and found in addition."""
        return {
            "verdict": self.verdict,
            "title": self.title,
            "cases": [case.as_json() for case in self.cases],
            "compared": self.compared,
            "quantities": self.quantities,
            "not_checked": list(self.not_checked),
            "findings": [vars(finding) for finding in self.findings],
            "assumed": dict(self.assumed),
            "output": self.output,
            "summary": self.summary,
            "states": None if self.states is None else self.states.as_json(),
        }


def by_telling(cases: Sequence[CaseVerdict]) -> list[Examination]:
    """The examinations, the most informative first.

    Explanations that hold in most cases come first, then those with the fewest suspects. A fault
    that explains only one of many cases is an accident.
    """
    examined = [case.examination for case in cases if case.examination is not None]
    counts = support(examined)

    def most(examination: Examination) -> int:
        return max((counts[kind(match)] for match in examination.diagnosis.matches), default=0)

    return sorted(examined, key=lambda e: (-most(e), len(e.blame.suspects)))


def support(examined: Sequence[Examination]) -> Counter[str]:
    """The number of cases that each kind of fault explains."""
    return Counter(
        name for e in examined for name in {kind(match) for match in e.diagnosis.matches}
    )


def quantity(case: str, name: str) -> str:
    """The name of a tensor's quantity, without its layer."""
    kind = re.sub(r"(?<=[A-Za-z])\d+\b", "", name)
    if is_value(name):
        return f"value of {kind.removeprefix(VALUE)}"
    if case.startswith("training"):
        return f"{kind} in training"
    return kind if " " in kind or "[" in kind else f"gradient of {kind}"


def not_judged(cases: Sequence[CaseVerdict]) -> list[str]:
    """Gradients of parameters that were missing in every case that has them."""
    asked = {name for case in cases for name in case.not_judged if name[0] in "Wbg"}
    given = {tensor.name for case in cases for tensor in case.tensors}
    return sorted(asked - given)


def kind(match: Match) -> str:
    """The faults of a match without their layers."""
    return " + ".join(sorted(part.fault.name for part in match.candidate.parts))
