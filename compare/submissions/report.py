"""What is known about a file during its examination, kept if the code ends it early."""

from pathlib import Path
from typing import Any

import numpy as np

from compare.submissions.submission import (
    Answer,
    Dropped,
    Evaluation,
    Finding,
    LayerAnswer,
    Running,
    Submission,
)


class Report:
    """Everything that goes into a submission."""

    def __init__(self) -> None:
        self.known: set[tuple[str, str | None]] = set()
        self.layout = ""
        self.assumed: dict[str, str] = {}
        self.penalty_forms: tuple[str, ...] = ("full", "half")
        self.eps_forms: tuple[float, ...] = ()
        self.lines: dict[str, int] = {}
        self.answers: list[Answer] = []
        self.findings: list[Finding] = []
        self.untried: list[str] = []
        self.layers: list[LayerAnswer] = []
        self.states: dict[str, np.ndarray] = {}
        self.running: list[Running] = []
        self.evaluations: list[Evaluation] = []
        self.dropped: list[Dropped] = []
        self.called_again = False

    def find(self, finding: Finding) -> None:
        """Add a finding, unless there is one of the same kind for the tensor."""
        if (finding.kind, finding.tensor) not in self.known:
            self.known.add((finding.kind, finding.tensor))
            self.findings.append(finding)

    def leave_out(self, what: str) -> None:
        """Add something that is not checked."""
        if what not in self.untried:
            self.untried.append(what)

    def submission(self, path: Path, findings: list[Finding], output: str, ran: str) -> Submission:
        """The whole submission.

        Arguments:
            findings: of the process itself, to go after the others.
            output: what the code printed.
            ran: the Python that ran it, in words.
        """
        kept: dict[str, Any] = {
            "layout": self.layout,
            "assumed": self.assumed,
            "penalty_forms": self.penalty_forms,
            "eps_forms": self.eps_forms,
            "lines": self.lines,
            "answers": tuple(self.answers),
            "untried": tuple(self.untried),
            "layers": tuple(self.layers),
            "states": self.states,
            "running": tuple(self.running),
            "evaluations": tuple(self.evaluations),
            "dropped": tuple(self.dropped),
            "called_again": self.called_again,
        }
        return Submission(
            path=path, findings=(*self.findings, *findings), output=output, ran=ran, **kept
        )
