"""The findings on a training."""

from dataclasses import dataclass, field

from compare.watching.recording import Event


@dataclass(frozen=True)
class TrainingFinding:
    """A fault of the training.

    Arguments:
        what: the kind, such as "update", "momentum" or "shuffling".
        event: the first wrong place; None where it has none.
        said: one sentence with the evidence.
        fails: whether the training is wrong; False for something worth knowing only.
    """

    what: str
    event: Event | None
    said: str
    fails: bool = True


@dataclass
class TrainingVerdict:
    """Everything known about a training.

    Arguments:
        findings: in order of execution.
        facts: what the values say about the training, by subject.
        not_checked: what could not be checked, in plain words.
    """

    findings: list[TrainingFinding] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    not_checked: list[str] = field(default_factory=list)

    def add(self, what: str, event: Event | None, said: str, *, fails: bool = True) -> None:
        """Add a finding, unless there is one of the same kind at the same line."""
        for other in self.findings:
            same = None not in (event, other.event) and line_of(event) == line_of(other.event)
            if other.what == what and (same or event is other.event):
                return
        self.findings.append(TrainingFinding(what, event, said, fails))


def line_of(event: Event | None) -> tuple[int, int] | None:
    """The file and line of an event."""
    return None if event is None else (event.site.file, event.site.line)
