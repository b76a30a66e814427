"""The verdict of twingrad's checker on a planted fault."""

from dataclasses import dataclass

from compare.cases import Case
from compare.diagnosis.blame import Blame, blame
from compare.diagnosis.catalogue import Prediction
from compare.diagnosis.evidence import Evidence
from compare.diagnosis.search import Diagnosis, diagnose
from validation.planting import Location, Planted

DOWN = ("s_hat", "v", "mu", "s")
"""Batch norm's backward pass; it counts as one operation if its intermediates are not shown."""


@dataclass(frozen=True)
class Finding:
    """The verdict on one planted fault.

    Arguments:
        planted: the fault.
        everything: whether all intermediates were shown, or only the gradients of parameters.
        detected: whether anything was called wrong.
        localised: whether the right operation and layer is the only suspect.
        suspected: whether it is among the suspects.
        suspects: number of suspects.
        named: whether the first explanation is this fault; None if no diagnosis was asked for.
        named_with_layer: whether it also has the right layers.
        tied: whether any explanation is this fault; explanations before it give the same values.
        said: the suspects and the first explanation, for the list of shortfalls.
    """

    planted: Planted
    everything: bool
    detected: bool
    localised: bool
    suspected: bool
    suspects: int
    named: bool | None
    named_with_layer: bool | None
    tied: bool | None
    said: str

    @property
    def placed(self) -> bool:
        """Whether a reader knows where to look: localised, or named with its layers."""
        return self.localised or bool(self.named_with_layer)


def examine(planted: Planted, everything: bool, *, name_it: bool) -> Finding:
    """Find the suspects of a planted fault and, if `name_it`, its diagnosis."""
    evidence = Evidence(planted.case, planted.shown(everything))
    blamed = blame(evidence)
    places = suspected_places(blamed, grouped=not everything)
    truth = None if planted.place is None else group(planted.place, not everything)
    diagnosis = diagnose(evidence) if name_it else None
    names = [] if diagnosis is None else explanations(diagnosis)
    wanted = sorted((fault, sorted(layers)) for fault, layers in planted.parts)
    return Finding(
        planted,
        everything,
        detected=bool(evidence.wrong),
        localised=places == {truth},
        suspected=truth in places,
        suspects=len(blamed.suspects),
        named=None if diagnosis is None else names_only(names[:1]) == [only(wanted)],
        named_with_layer=None if diagnosis is None else names[:1] == [wanted],
        tied=None if diagnosis is None else wanted in names,
        said=f"{blamed.stage} {list(blamed.suspects)}; {names[0] if names else 'no explanation'}",
    )


Explanation = list[tuple[str, list[int]]]
"""(fault, layers) of each part, sorted."""


def explanations(diagnosis: Diagnosis) -> list[Explanation]:
    """The explanations of a diagnosis, the best first."""
    return [
        sorted((part.fault.name, sorted(part.layers)) for part in match.candidate.parts)
        for match in diagnosis.matches
    ]


def only(explanation: Explanation) -> list[str]:
    """The faults without their layers."""
    return [fault for fault, _ in explanation]


def names_only(found: list[Explanation]) -> list[list[str]]:
    return [only(explanation) for explanation in found]


def suspected_places(blamed: Blame, *, grouped: bool) -> set[Location | None]:
    """The places of the suspects; batch norm's backward pass is one place if `grouped`."""
    return {
        group((blamed.stage, operation, l), grouped)
        for operation, l in blamed.suspects
        if blamed.stage is not None
    }


def group(place: Location, grouped: bool) -> Location:
    """The place, or the place of its group if `grouped`."""
    stage, operation, l = place
    joins = grouped and stage == "backward" and operation in DOWN
    return (stage, "way down", l) if joins else place


def alarm(case: Case, values: Prediction) -> str:
    """What the checker calls wrong in a right implementation; "" if nothing."""
    evidence = Evidence(case, values)
    blamed = blame(evidence)
    wrong = ", ".join(evidence.wrong)
    accused = ", ".join(f"{operation} of layer {l}" for operation, l in blamed.suspects)
    return "; ".join(filter(None, [wrong, accused]))
