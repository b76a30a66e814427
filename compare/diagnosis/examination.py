"""The examination of one implementation on one case: the wrong operation, and why."""

from dataclasses import dataclass
from typing import Any

from compare.derivation import Placed
from compare.derivation.source import code_of
from compare.derivation.wording import in_form
from compare.diagnosis.blame import Blame, blame
from compare.diagnosis.catalogue import Candidate
from compare.diagnosis.evidence import Evidence
from compare.diagnosis.search import FLOAT32, Diagnosis, Match, diagnose
from compare.numerics.structure import is_value
from compare.numerics.witnesses import Camps

UNKNOWN = "no known fault explains this"


@dataclass(frozen=True)
class Examination:
    """The result of examining one implementation on one case.

    Arguments:
        side: the owner of the values: "by hand", "autograd", "yours", "the file's".
        evidence: the values.
        blame: every node, and the suspects.
        diagnosis: the faults that explain all values.
        witnesses: the camps of every parameter; empty if there are no witnesses.
    """

    side: str
    evidence: Evidence
    blame: Blame
    diagnosis: Diagnosis
    witnesses: tuple[Camps, ...] = ()

    @property
    def best(self) -> Match | None:
        """The first explanation."""
        return self.diagnosis.matches[0] if self.diagnosis.matches else None

    @property
    def first_fault(self) -> dict[str, str] | None:
        """The first broken tensor, and its pass."""
        first = self.blame.first
        if first is not None and self.best is not None and self.forward_unseen:
            part = self.best.candidate.parts[0]
            if part.fault.stage == "forward":
                step = part.fault.step_in(self.evidence.case.network, part.first_layer)
                return {"tensor": step.name, "pass": "forward"}
        return None if first is None else {"tensor": first.name, "pass": first.stage}

    @property
    def forward_unseen(self) -> bool:
        """Whether only gradients were given. The values cannot place a fault of the forward pass
        then, but an explanation of all gradients can."""
        return not any(map(is_value, self.evidence.found))

    @property
    def steps(self) -> list[Placed]:
        """The suspected operations of the derivation."""
        return self.blame.steps

    @property
    def place(self) -> str:
        """A sentence that says where the first mistake is."""
        titles, stage = self.blame.titles, self.blame.stage
        if not titles:
            return ""
        if self.best is not None and self.best.candidate.fault.name != FLOAT32:
            # what explains every value tells the place too, which the values alone may not
            part = self.best.candidate.parts[0]
            if part.fault.stage == stage or self.forward_unseen:
                titles, stage = self.explained_places, part.fault.stage
        in_pass = "Backward pass" if stage == "backward" else "Forward pass"
        if len(titles) == 1:
            return f"{in_pass}, first wrong: the {titles[0]}."
        if len(titles) > 4:
            return f"{in_pass}, first wrong: something from the {titles[0]} to the {titles[-1]}."
        return f"{in_pass}, first wrong is one of these: the {', the '.join(titles)}."

    @property
    def equals(self) -> list[Match]:
        """The explanations that are as likely as the first."""
        return [
            match for match in self.diagnosis.matches if self.best and match.rank == self.best.rank
        ]

    @property
    def explained_places(self) -> list[str]:
        """The steps of the first mistake in each of the likeliest explanations, in one pass."""
        network = self.evidence.case.network
        parts = [match.candidate.parts[0] for match in self.equals]
        steps = [part.fault.step_in(network, part.first_layer) for part in parts]
        same = [
            s
            for s, part in zip(steps, parts, strict=True)
            if part.fault.stage == parts[0].fault.stage
        ]
        return list(dict.fromkeys(step.title for step in same))

    @property
    def sentences(self) -> list[str]:
        """The place and the explanation, in sentences."""
        said = [self.place] if self.place else []
        best = self.best
        if best is not None:
            said += best.sentences
            beside = (
                "" if best.runner_up is None else f"; the next best leaves {best.runner_up:.1e}"
            )
            said.append(f"This explanation leaves a residual of {best.residual:.1e}{beside}.")
            others = [match.explanation for match in self.diagnosis.matches[1:4]]
            if others:
                said.append(f"Also consistent with: {' '.join(others)}")
        elif self.evidence.wrong:
            said.append(f"{UNKNOWN[0].upper()}{UNKNOWN[1:]} ({self.diagnosis.tried} tried).")
            if self.diagnosis.partly is not None:
                said.append(partial(self.diagnosis.partly))
        # that the code under test stands alone goes without saying
        alone = {camps.alone for camps in self.witnesses} - {None, "yours"}
        said += [
            f"Of the witnesses {who} stands alone: {', '.join(names_of(self.witnesses, who))}."
            for who in sorted(filter(None, alone))
        ]
        return said

    def as_json(self) -> dict[str, Any]:
        """What `check --json` contains for a case, in addition to its tensors."""
        return {
            "side": self.side,
            "said": self.sentences,
            "first_fault": self.first_fault,
            "diagnosis": [match.as_json(self.evidence) for match in self.diagnosis.matches],
            "suspects": [
                {
                    "operation": placed.step.operation,
                    "layer": placed.l,
                    "title": placed.title,
                    "formula": in_form(placed.plain_formula, self.evidence.form),
                    "code": [place for place, _ in code_of(placed.step)],
                }
                for placed in self.steps
            ],
            "nodes": [node.as_json() for node in self.blame.nodes],
            "witnesses": [camps.as_json() for camps in self.witnesses],
            "tried": self.diagnosis.tried,
        }


def examine(side: str, evidence: Evidence, witnesses: tuple[Camps, ...] = ()) -> Examination:
    """Find the wrong operation, and diagnose the mistake."""
    return Examination(side, evidence, blame(evidence), diagnose(evidence), witnesses)


def partial(candidate: Candidate) -> str:
    """A sentence on a fault that explains only the first wrong tensor."""
    return (
        f"The first wrong tensor alone would come of: {candidate.name}. "
        "Fix that and re-run: something else is wrong below it."
    )


def names_of(witnesses: tuple[Camps, ...], who: str) -> list[str]:
    """The parameters for which this witness disagrees with all others."""
    return [camps.name for camps in witnesses if camps.alone == who]
