"""Plant faults in networks, and record the verdicts on them and on right variants."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import numpy as np

import manual_impl
import torch_impl
from compare.cases import Case
from compare.numerics.precision import judge_low_precision, smooth_case
from validation.drawn import drawn
from validation.gathered import combined, outside_singles
from validation.networks import networks, touches_kink
from validation.others import RememberedCost, central_differences, consistent, say
from validation.ours import Finding, alarm, examine
from validation.planting import ALWAYS_SHOWN, Planted, catalogue
from validation.variants import Variant, applicable, combinations, in_float32, variants
from validation.written_code import Verdict, Written, case_of, judge, written

CATALOGUE, DRAWN, SINGLES, COMBINED = "catalogue", "drawn", "outside", "combined"
"""Groups of faults; the combined ones are pairs and triples of the catalogue's."""

FLOAT32_COMBINATIONS = 30
"""Number of random combinations of formulas in float32 for each network."""


@dataclass(frozen=True)
class Said:
    """The verdicts of the other checks on one right or faulty implementation.

    Arguments:
        case: name of the network.
        kink: whether a ReLU's input is exactly 0.
        group: group of the fault; "" for right code.
        kind: name of the fault without its layer, or of the variant.
        alarms: by check, whether it calls the gradients wrong.
        consistent: whether the gradients are right for the code's own cost, which is another cost.
    """

    case: str
    kink: bool
    group: str
    kind: str
    alarms: dict[str, bool]
    consistent: bool


@dataclass
class Measured:
    """All results.

    Arguments:
        cases: the networks.
        findings: by group, one finding for each visible fault and each way of showing values.
        planted, unseen: by group and way of showing, the number of faults, and the names of those
            that change no value shown.
        right: number of right variants, by dtype.
        alarms: by dtype, the right variants called wrong, and what was called wrong.
        others: verdicts of the other checks.
        written: verdicts on the faults written by hand.
        written_right, written_accused: right programs written by hand, and those called wrong.
    """

    cases: list[Case]
    findings: dict[str, list[Finding]] = field(default_factory=dict)
    planted: dict[tuple[str, bool], int] = field(default_factory=dict)
    unseen: dict[tuple[str, bool], list[str]] = field(default_factory=dict)
    right: dict[str, int] = field(default_factory=lambda: {"float64": 0, "float32": 0})
    alarms: dict[str, list[str]] = field(default_factory=lambda: {"float64": [], "float32": []})
    others: list[Said] = field(default_factory=list)
    written: list[Verdict] = field(default_factory=list)
    written_right: list[Written] = field(default_factory=list)
    written_accused: list[Written] = field(default_factory=list)

    def found(self, group: str, everything: bool) -> list[Finding]:
        """The findings of one row of the table."""
        return [f for f in self.findings.get(group, []) if f.everything == everything]


def measure(
    seed: int = 0,
    tell: Callable[[str], None] = lambda doing: None,
    sample: int | None = None,
    first: int | None = None,
) -> Measured:
    """Run the whole measurement.

    Arguments:
        seed: of parameters, minibatches and drawn combinations.
        tell: called with the name of each network when its turn comes.
        sample: maximum number of faults of each group, and of right variants, in each network; None
            for all.
        first: number of networks to use; None for all.
    """
    cases = networks(seed)[:first]
    measured = Measured(cases)
    for number, case in enumerate(cases):
        tell(case.name)
        groups = {
            group: sampled(faults, sample, seed + number)
            for group, faults in planted_in(case, seed + number).items()
        }
        for group, faults in groups.items():
            examine_all(measured, group, faults)
        right = sampled(list(variants(case, seed + number)), sample, seed + number)
        accuse(measured, right)
        hear_others(measured, case, groups, right)
        if not touches_kink(case):  # float32 would move it
            judge_float32(measured, case, seed + number, sample)
    tell("programs written by hand")
    measured.written = [judge(one) for one in written("faults")]
    measured.written_right = list(written("right"))
    measured.written_accused = [
        one for one in measured.written_right if one.evidence(case_of(one.style)).wrong
    ]
    return measured


T = TypeVar("T")


def sampled(all_of_them: Sequence[T], count: int | None, seed: int) -> list[T]:
    """A random sample of `count` elements in their original order; all if count is None."""
    if count is None or count >= len(all_of_them):
        return list(all_of_them)
    chosen = np.random.default_rng(seed).choice(len(all_of_them), size=count, replace=False)
    return [all_of_them[i] for i in sorted(chosen)]


def planted_in(case: Case, seed: int) -> dict[str, list[Planted]]:
    """The faults of each group."""
    return {
        CATALOGUE: catalogue(case),
        DRAWN: drawn(case, seed),
        SINGLES: outside_singles(case),
        COMBINED: combined(case, seed),
    }


def worth_naming(fault: Planted, group: str) -> bool:
    """Whether a diagnosis is asked for: only if the fault, or each of a pair, has a name."""
    return group in (CATALOGUE, DRAWN) or len(fault.parts) == 2


def examine_all(measured: Measured, group: str, faults: Sequence[Planted]) -> None:
    """Examine each fault twice: from all intermediates, and from the gradients of parameters."""
    for everything in (True, False):
        key = (group, everything)
        measured.planted[key] = measured.planted.get(key, 0) + len(faults)
        unseen = measured.unseen.setdefault(key, [])
        for fault in faults:
            if not fault.visible(everything):
                unseen.append(f"{fault.case.name}: {fault.name}")
                continue
            found = examine(fault, everything, name_it=worth_naming(fault, group))
            measured.findings.setdefault(group, []).append(found)


def accuse(measured: Measured, right: Sequence[Variant]) -> None:
    """Judge right variants, from all intermediates and from the gradients of parameters."""
    for variant in right:
        values = variant.values
        known = variant.case.parameters
        alone = {n: v for n, v in values.items() if n in known or n in ALWAYS_SHOWN}
        accused = alarm(variant.case, values) or alarm(variant.case, alone)
        if accused:
            where = f"{variant.case.name}: {variant.name}"
            measured.alarms["float64"].append(f"{where}: {accused}")
        measured.right["float64"] += 1


def judge_float32(measured: Measured, like: Case, seed: int, sample: int | None) -> None:
    """Judge the same formulas in float32, by the rule for low precision."""
    case = smooth_case(like.network, len(like.y), penalty=like.penalty, seed=seed, dtype="float32")
    for name, values in islice(float32_values(case, seed), sample):
        witnesses = {"by hand": manual_impl, "autograd": torch_impl}
        verdicts = judge_low_precision(case, "float32", values, witnesses)
        wrong = [verdict.name for verdict in verdicts if verdict.verdict != "agree"]
        if wrong:
            measured.alarms["float32"].append(f"{case.name}: {name}: {', '.join(wrong)}")
        measured.right["float32"] += 1


def float32_values(case: Case, seed: int) -> Iterator[tuple[str, dict]]:
    """The name of each variant with its values."""
    usable = applicable(case.network)
    for formula in usable:
        yield formula.name, in_float32([formula])(case)
    for number, chosen in enumerate(combinations(usable, FLOAT32_COMBINATIONS, seed)):
        yield f"combination {number}", in_float32(chosen)(case)


def hear_others(
    measured: Measured, case: Case, groups: dict[str, list[Planted]], right: Sequence[Variant]
) -> None:
    """Run the other checks on the same faults and right variants.

    They differentiate the cost of the code under test, as its author's check would: a fault of the
    forward pass has its own cost.
    """
    kink = touches_kink(case)
    shared = RememberedCost(Planted(case, "", "", ()).cost, case.parameters)
    shared_numerical = central_differences(shared)
    for variant in right:
        said = say(variant.values, shared_numerical, shared)
        measured.others.append(Said(case.name, kink, "", variant.name, said, False))
    for group, faults in groups.items():
        for fault in faults:
            if not fault.visible(everything=False):
                continue
            cost, numerical = shared, shared_numerical
            if fault.in_forward:
                cost = RememberedCost(fault.cost, case.parameters)
                numerical = central_differences(cost)
            said = say(fault.values, numerical, cost)
            own = fault.in_forward and consistent(fault.values, numerical)
            measured.others.append(Said(case.name, kink, group, fault.kind, said, own))
