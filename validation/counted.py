"""The counts of a measurement, for tables and JSON."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from compare.diagnosis.catalogue import FAULTS
from compare.diagnosis.search import FLOAT32
from validation.gathered import OUTSIDE
from validation.measure import CATALOGUE, COMBINED, DRAWN, SINGLES, Measured, Said
from validation.networks import touches_kink
from validation.others import RULES
from validation.ours import Finding
from validation.training import training_counts

GROUPS = (CATALOGUE, DRAWN, SINGLES, COMBINED)
SHOWINGS = {True: "everything", False: "parameters"}


def tally(measured: Measured, group: str, everything: bool) -> dict[str, Any]:
    """The counts of one row; a fault at one place in one network counts once."""
    found = measured.found(group, everything)
    asked = [finding for finding in found if finding.named is not None]
    return {
        "planted": measured.planted[group, everything],
        "unseen": len(measured.unseen[group, everything]),
        "seen": len(found),
        "detected": sum(finding.detected for finding in found),
        "suspected": sum(finding.suspected for finding in found),
        "localised": sum(finding.localised for finding in found),
        "suspects": sum(finding.suspects for finding in found) / max(1, len(found)),
        "asked": len(asked),
        "named": sum(bool(finding.named) for finding in asked),
        "named_with_layer": sum(bool(finding.named_with_layer) for finding in asked),
        "among_explanations": sum(bool(finding.tied) for finding in asked),
        "placed": sum(finding.placed for finding in found),
    }


def shortfalls(measured: Measured, group: str, everything: bool) -> dict[str, list[str]]:
    """The names of faults that were missed, misplaced or misnamed."""
    found = measured.found(group, everything)

    def listed(chosen: Sequence[Finding]) -> list[str]:
        return [f"{f.planted.case.name}: {f.planted.name}; said: {f.said}" for f in chosen]

    lists = {
        "missed": [f for f in found if not f.detected],
        "mislocalised": [f for f in found if f.detected and not f.suspected],
        "misnamed": [f for f in found if f.named is False],
    }
    return {what: listed(chosen) for what, chosen in lists.items()}


def comparison(measured: Measured) -> list[dict[str, Any]]:
    """One row for each check: its alarms on faults and on right code.

    "Told apart" excludes networks at a kink: the cost has no derivative there, so checks with
    numerical derivatives accuse right code.
    """
    faults = [said for said in measured.others if said.group]
    right = [said for said in measured.others if not said.group]
    smooth = [said for said in faults if not said.kink]
    lines = []
    for rule in RULES:
        noisy = {said.case for said in right if said.alarms[rule]}
        lines.append(
            {
                "check": rule,
                "detected": {group: alarms(faults, group, rule) for group in GROUPS},
                "faults": {group: sum(s.group == group for s in faults) for group in GROUPS},
                "false_alarms": sum(s.alarms[rule] for s in right if not s.kink),
                "right": sum(not said.kink for said in right),
                "false_alarms_at_kink": sum(s.alarms[rule] for s in right if s.kink),
                "right_at_kink": sum(said.kink for said in right),
                "told_apart": sum(s.alarms[rule] for s in smooth if s.case not in noisy),
                "faults_without_kink": len(smooth),
            }
        )
    return lines


def alarms(said: Sequence[Said], group: str, rule: str) -> int:
    """The number of faults of a group that a check detects."""
    return sum(one.alarms[rule] for one in said if one.group == group)


def our_line(measured: Measured) -> dict[str, Any]:
    """The row of twingrad, which is given the gradients of parameters, p, loss and cost."""
    found = {group: measured.found(group, everything=False) for group in GROUPS}
    kinks = {case.name for case in measured.cases if touches_kink(case)}
    smooth = [
        finding
        for group in GROUPS
        for finding in found[group]
        if finding.planted.case.name not in kinks
    ]
    accused = [name.split(": ")[0] for name in measured.alarms["float64"]]
    right = Counter(said.case for said in measured.others if not said.group)
    return {
        "check": "twingrad",
        "detected": {group: sum(f.detected for f in found[group]) for group in GROUPS},
        "faults": {group: len(found[group]) for group in GROUPS},
        "false_alarms": sum(name not in kinks for name in accused),
        "right": sum(count for name, count in right.items() if name not in kinks),
        "false_alarms_at_kink": sum(name in kinks for name in accused),
        "right_at_kink": sum(count for name, count in right.items() if name in kinks),
        "told_apart": sum(f.detected for f in smooth if f.planted.case.name not in accused),
        "faults_without_kink": len(smooth),
    }


def as_json(measured: Measured, seed: int, sample: int | None) -> dict[str, Any]:
    """All counts, with the names of the faults behind each shortfall, ready for JSON."""
    lines = {
        group: {
            SHOWINGS[everything]: tally(measured, group, everything)
            | shortfalls(measured, group, everything)
            for everything in SHOWINGS
        }
        for group in GROUPS
    }
    consistent = [said for said in measured.others if said.group and said.consistent]
    return {
        "what": "faults planted in small networks, and right code with other formulas",
        "seed": seed,
        "sample": sample,
        "networks": [case.name for case in measured.cases],
        "faults": {
            CATALOGUE: [*(fault.name for fault in FAULTS), FLOAT32],
            SINGLES: {fault.name: fault.explanation for fault in OUTSIDE},
        },
        "found": lines,
        "training": training_counts(),
        "written": written_counts(measured),
        "right_variants": measured.right,
        "false_alarms": measured.alarms,
        "other_checks": [our_line(measured), *comparison(measured)],
        "right_for_another_cost": {
            "faults": len(consistent),
            "kinds": sorted({said.kind for said in consistent}),
        },
    }


def written_counts(measured: Measured) -> dict[str, Any]:
    """Results for the programs written by hand, and the changes that were not named."""
    said = measured.written
    return {
        "faults": len(said),
        "detected": sum(one.detected for one in said),
        "placed": sum(one.placed for one in said),
        "named": sum(one.named for one in said),
        "false": [f"{v.written.style}: {v.written.new}; {v.said}" for v in said if v.false],
        "unnamed": [f"{one.written.style}: {one.written.new}" for one in said if not one.named],
        "styles": len({one.written.style for one in said}),
        "right": len(measured.written_right),
        "accused": [f"{one.style}: {one.new}" for one in measured.written_accused],
    }
