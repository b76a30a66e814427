"""Which mistake gives exactly the values found: every fault of the catalogue is tried."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Any

import numpy as np

import manual_impl
from compare.derivation import steps_of
from compare.derivation.letters import lettered
from compare.derivation.wording import Form, in_form
from compare.diagnosis.catalogue import FAULTS, Candidate, Fault, Prediction
from compare.diagnosis.catalogue.fault import Inapplicable
from compare.diagnosis.evidence import Evidence
from compare.diagnosis.pairs import explaining_pairs
from compare.numerics.structure import VALUE, together
from twingrad.network import Network

FLOAT32 = "float32 posing as float64"

MIN_WRONG_FRACTION = 0.6
"""Minimum fraction of wrong tensors before float32 is suspected."""

SMALL = 20_000
"""Parameters of a network on which pairs of faults are tried: a second or so."""


@dataclass(frozen=True)
class Match:
    """A fault, or two, that explains every value found.

    Arguments:
        candidate: which, and where.
        residual: the largest difference left, relative to the tensor that has it.
        runner_up: the same of the best that does not explain it; None where nothing else came
            near the question.
        form: what lambda means in the sentences.
    """

    candidate: Candidate
    residual: float
    runner_up: float | None
    form: Form = "full"

    @property
    def sentences(self) -> list[str]:
        """What is wrong and what to do, a sentence pair for each fault."""
        return [
            in_form(f"{explain(part)} {part.fault.fix}", self.form) for part in self.candidate.parts
        ]

    def tensor(self, evidence: Evidence) -> str:
        """The name of the first tensor that the fault makes wrong."""
        return broken_tensor(evidence, self.candidate.parts[0])

    def as_json(self, evidence: Evidence) -> dict[str, Any]:
        """As DESIGN has it, the parts of a pair beside each other."""
        first = self.candidate.parts[0]
        step = first.fault.step_in(evidence.case.network, first.first_layer)
        return {
            "fault": " + ".join(part.fault.name for part in self.candidate.parts),
            "layer": first.layer,
            "residual": self.residual,
            "runner_up": finite(self.runner_up),
            "explanation": in_form(" ".join(map(explain, self.candidate.parts)), self.form),
            "fix": in_form(" ".join(p.fault.fix for p in self.candidate.parts), self.form),
            "tensor": broken_tensor(evidence, first),
            "pass": first.fault.stage,
            "formula": in_form(step.plain_formula, self.form),
            "wrong": in_form(lettered(first.fault.wrong, step.layer), self.form),
            "parts": [
                {"fault": part.fault.name, "layers": sorted(part.layers)}
                for part in self.candidate.parts
            ],
        }


@dataclass(frozen=True)
class Diagnosis:
    """What the catalogue says of one case.

    Arguments:
        matches: best first; empty where nothing explains it, or nothing is wrong.
        partly: explains the first tensor that is wrong but not all the others.
        tried: how many faults and pairs were tried.
    """

    matches: tuple[Match, ...]
    partly: Candidate | None
    tried: int


def diagnose(evidence: Evidence) -> Diagnosis:
    """Tries every fault at every layer, then the likely pairs.

    A pair is likely where one of the two alone explains the first tensor that is wrong, where
    both are made in that tensor's own formula, or where both are of the kind that is made
    everywhere: such as a missing penalty with a missing 1/n.
    """
    if not evidence.wrong:
        return Diagnosis((), None, 0)
    first = evidence.wrong[0]
    singles = [c for fault in FAULTS for c in fault.candidates(evidence.case.network)]
    tried = list(residuals(evidence, singles))
    matches = [(c, r) for c, r, _ in tried if r <= evidence.rounding]
    runner_up = min((r for _, r, _ in tried if r > evidence.rounding), default=None)
    explaining = [c for c, _, p in tried if evidence.error(first, p[first]) <= 1]
    count = len(tried)
    if not matches:
        posing = posing_as_float64(evidence)
        if posing is not None:
            return Diagnosis((posing,), None, count)
        pairs = likely_pairs(evidence, singles, explaining)
        matches = list(explaining_pairs(evidence, pairs))
        count += len(pairs)
    best = min((r for _, r in matches), default=0.0)
    near = max(10 * best, evidence.rounding / 100)  # in a low precision much is within rounding
    # one kind of mistake before two; made at every layer before at the only one where it shows
    matches.sort(
        key=lambda m: (
            len({part.fault.name for part in m[0].parts}),
            m[1] > near,
            any(not shows(evidence, part) for part in m[0].parts),
            not m[0].every,
        )
    )
    kept = without_twins(matches)
    found = tuple(Match(c, r, runner_up, evidence.form) for c, r in kept)
    partly = explaining[0] if explaining and not found else None
    return Diagnosis(found, partly, count)


def likely_pairs(
    evidence: Evidence, singles: Sequence[Candidate], explaining: Sequence[Candidate]
) -> list[Candidate]:
    """The pairs worth trying; none on a large network, where single faults must do."""
    if sum(value.size for value in evidence.case.parameters.values()) > SMALL:
        return []
    general = [c for c in singles if is_general(c)]
    same = [c for c in singles if broken_name(evidence, c) == evidence.wrong[0]]
    tried = (*product(explaining, singles), *combinations(general, 2), *combinations(same, 2))
    network = evidence.case.network
    return [in_order(one, other, network) for one, other in tried if one != other]


def in_order(one: Candidate, other: Candidate, network: Network) -> Candidate:
    """A pair, the fault first that is made first in order of execution."""

    def time(candidate: Candidate) -> tuple[bool, int]:
        stage = candidate.fault.stage
        placed = candidate.fault.step_in(network, candidate.first_layer)
        order = list(steps_of(network, stage))
        return stage == "backward", order.index((placed.step.operation, placed.l))

    first, second = sorted((one, other), key=time)
    return Candidate(first.fault, first.layers, second, every=first.every)


def is_general(candidate: Candidate) -> bool:
    """Whether a fault is of the kind that is made together with another: penalty, 1/n, sign."""
    operation = candidate.fault.operation
    if operation in ("softmax", "loss", "cost"):
        return True
    return candidate.layer is None and operation in ("W", "b", "gamma", "beta")


def residuals(
    evidence: Evidence, candidates: Iterable[Candidate]
) -> Iterator[tuple[Candidate, float, Prediction]]:
    """Each candidate that can be made here with what it leaves unexplained."""
    for candidate in candidates:
        try:
            with np.errstate(all="ignore"):  # a mistake may well divide by zero
                prediction = candidate.predict(evidence.case)
        except Inapplicable:
            continue
        residual = evidence.residual(prediction)
        if not np.isnan(residual):
            yield candidate, residual, prediction


def without_twins(matches: list[tuple[Candidate, float]]) -> list[tuple[Candidate, float]]:
    """Keeps the first of a pair found in both orders, and single faults before pairs."""
    seen: set[frozenset[Any]] = set()
    kept = []
    for candidate, residual in matches:
        key = frozenset((part.fault.name, part.layers) for part in candidate.parts)
        if key not in seen:
            seen.add(key)
            kept.append((candidate, residual))
    return kept


def posing_as_float64(evidence: Evidence) -> Match | None:
    """All values off by float32's rounding at most, and most by more than float64's."""
    if len(evidence.wrong) < MIN_WRONG_FRACTION * len(evidence.order):
        return None
    case = evidence.case
    small = {name: value.astype(np.float32) for name, value in case.parameters.items()}
    low = replace(case, parameters=small, X=case.X.astype(np.float32))
    by_hand: Any = manual_impl
    rounded = together(low.gradients(by_hand), low.forward(by_hand))
    worst = 0.0
    for name in evidence.order:
        noise = evidence.error(name, evidence.right[name], np.asarray(rounded[name], np.float64))
        error = evidence.error(name, evidence.right[name])
        if error > 1 + 20 * (noise + np.finfo(np.float32).eps / evidence.rounding):
            return None
        worst = max(worst, error)
    fault = Fault(
        FLOAT32,
        "All values are right to float32's rounding and no further, though they are float64: "
        "something on the way is computed in float32.",
        "Look for float32 arrays, or astype, in what the values pass through.",
        "W",
        lambda network: [1],
    )
    return Match(Candidate(fault, (1,)), worst * evidence.rounding, None)


def explain(candidate: Candidate) -> str:
    """The sentence of a fault, with its layers."""
    return candidate.fault.explanation.replace("{where}", candidate.where)


def shows(evidence: Evidence, candidate: Candidate) -> bool:
    """Whether the cost is among the values found, where a fault says something of the cost."""
    if candidate.fault.stage == "backward" or candidate.fault.operation not in ("loss", "cost"):
        return True
    return "forward cost" in evidence.found or "forward loss" in evidence.found


def broken_name(evidence: Evidence, candidate: Candidate) -> str:
    """The first tensor that a fault makes wrong, by the name that evidence has for it."""
    name = broken_tensor(evidence, candidate)
    return f"{VALUE}{name}" if candidate.fault.stage == "forward" else name


def broken_tensor(evidence: Evidence, candidate: Candidate) -> str:
    """The name of the first tensor that a fault makes wrong."""
    return candidate.fault.step_in(evidence.case.network, candidate.first_layer).name


def finite(value: float | None) -> float | None:
    """JSON has no infinity."""
    return value if value is not None and np.isfinite(value) else None
