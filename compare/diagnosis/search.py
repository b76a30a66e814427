"""Search the catalogue for the mistake that explains all values found."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations, product
from typing import Any

import numpy as np

import manual_impl
from compare.derivation import steps_of
from compare.derivation.letters import lettered
from compare.derivation.wording import Form, in_form
from compare.diagnosis.blame import LEAVES
from compare.diagnosis.catalogue import SIZED, STRUCTURAL, Candidate, Fault
from compare.diagnosis.evidence import Evidence
from compare.diagnosis.fitting import fits, reaches, sites, sized_fits
from compare.diagnosis.prediction import Trial, tried, until
from compare.numerics.structure import VALUE, together
from twingrad.network import Network

FLOAT32 = "float32 posing as float64"

MIN_WRONG_FRACTION = 0.6
"""Minimum fraction of wrong tensors before float32 is suspected."""

PARTLY = 6
"""Number of partial explanations from which pairs are made."""

SMALL = 20_000
"""Maximum number of parameters of a network for which pairs of faults are tried; it takes about a
second."""


@dataclass(frozen=True)
class Match:
    """A fault, or a pair, that explains every value found.

    Arguments:
        candidate: the fault and its layers.
        residual: largest difference that remains, relative to its tensor.
        runner_up: residual of the best fault that does not explain the values; None if there is
            none.
        form: the meaning of lambda in the sentences.
        rank: explanations with equal rank are equally likely.
    """

    candidate: Candidate
    residual: float
    runner_up: float | None
    form: Form = "full"
    rank: tuple[Any, ...] = ()

    @property
    def sentences(self) -> list[str]:
        """For each fault, what is wrong and what to do."""
        return [
            in_form(f"{explain(part)} {part.fault.fix}", self.form) for part in self.candidate.parts
        ]

    @property
    def explanation(self) -> str:
        """What is wrong."""
        return in_form(" ".join(map(explain, self.candidate.parts)), self.form)

    def tensor(self, evidence: Evidence) -> str:
        """The name of the first tensor that the fault makes wrong."""
        return broken_tensor(evidence, self.candidate.parts[0])

    def as_json(self, evidence: Evidence) -> dict[str, Any]:
        """The match as in DESIGN; a pair has two parts."""
        first = self.candidate.parts[0]
        step = first.fault.step_in(evidence.case.network, first.first_layer)
        return {
            "fault": " + ".join(part.fault.name for part in self.candidate.parts),
            "layer": first.layer,
            "residual": self.residual,
            "runner_up": finite(self.runner_up),
            "explanation": self.explanation,
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
    """The explanations of one case.

    Arguments:
        matches: the best first; empty if nothing explains the values, or nothing is wrong.
        partly: a fault that explains the first wrong tensor, but not all others.
        tried: number of faults and pairs tried.
    """

    matches: tuple[Match, ...]
    partly: Candidate | None
    tried: int


def diagnose(evidence: Evidence) -> Diagnosis:
    """Try every structural fault at every layer, and fit the coefficients of every step.

    If none explains every value, pairs are tried: a fault that explains the first wrong tensor, or
    everything except the gradients of one kind of parameter, with another fault.
    """
    if not evidence.wrong:
        return Diagnosis((), None, 0)
    first = evidence.wrong[0]
    structural = [c for c in of_structure(evidence.case.network) if reaches(evidence, c, first)]
    trials = [*fitted(evidence), *trials_of(evidence, structural)]
    trials += [trial for sized in SIZED for trial in sized_fits(evidence, sized)]
    found = [trial for trial in trials if trial.stopped is None]
    partly = [trial for trial in trials if explains(evidence, trial, first)]
    partly.sort(key=lambda trial: -evidence.order.index(trial.stopped or first))
    count = len(trials)
    if not found:
        posing = posing_as_float64(evidence)
        if posing is not None:
            return Diagnosis((posing,), None, count)
        pairs = list(likely_pairs(evidence, structural, partly[:PARTLY]))
        found = [trial for trial in pairs if trial.stopped is None]
        count += len(pairs)
    network = evidence.case.network
    found = [replace(trial, candidate=in_order(trial.candidate, None, network)) for trial in found]
    kept = without_twins(sorted(found, key=lambda one: likelihood(evidence, one, found)))
    left = (t.residual for t in trials if t.stopped is not None and np.isfinite(t.residual))
    runner_up = min(left, default=None)
    matches = tuple(
        Match(
            t.candidate, t.residual, runner_up, evidence.form, likelihood(evidence, t, found)[:-1]
        )
        for t in kept
    )
    return Diagnosis(matches, partly[0].candidate if partly and not matches else None, count)


def explains(evidence: Evidence, trial: Trial, first: str) -> bool:
    """Whether a fault explains the first wrong tensor."""
    if trial.stopped is None:
        return True
    return evidence.order.index(trial.stopped) > evidence.order.index(first)


def likelihood(evidence: Evidence, one: Trial, found: Sequence[Trial]) -> tuple[Any, ...]:
    """Sort key of explanations, the likeliest first.

    One kind of mistake is likelier than two, a number that people write than any other, a named
    mistake than a mere coefficient, and a mistake at every layer than one at the only layer where
    it has an effect.
    """
    best = min(other.residual for other in found)
    near = max(10 * best, evidence.rounding / 100)  # in a low precision much is within rounding
    parts = one.candidate.parts
    return (
        len({part.fault.name for part in parts}),
        one.drawn,
        one.residual > near,
        any(part.fault.name.startswith(f"{part.fault.operation}: ") for part in parts),
        any(not shows(evidence, part) for part in parts),
        not one.candidate.every,
    )


@lru_cache(maxsize=64)
def of_structure(network: Network) -> tuple[Candidate, ...]:
    """Every structural fault at every layer."""
    return tuple(c for fault in STRUCTURAL for c in fault.candidates(network))


def fitted(
    evidence: Evidence, other: Trial | None = None, operations: Collection[str] = ()
) -> Iterator[Trial]:
    """The faults that are fitted coefficients and explain the first wrong tensor.

    Arguments:
        other: another fault that is present too.
        operations: the operations to fit; empty for all.
    """
    first = evidence.wrong[0] if other is None else other.stopped
    if first is None:
        return
    made = None if other is None else other.candidate
    known = until(evidence, made, None)
    for site in sites(evidence.case.network):
        if not operations or site.scaling.operation in operations:
            yield from fits(evidence, site, first, known, made)


def likely_pairs(
    evidence: Evidence, structural: Sequence[Candidate], partly: Sequence[Trial]
) -> Iterator[Trial]:
    """The pairs that are worth trying; none for a large network."""
    if sum(value.size for value in evidence.case.parameters.values()) > SMALL:
        return
    for pairs in (with_a_leaf(evidence, structural), below(evidence, structural, partly)):
        trials = list(pairs)
        yield from trials
        if any(trial.stopped is None for trial in trials):
            return


def with_a_leaf(evidence: Evidence, structural: Sequence[Candidate]) -> Iterator[Trial]:
    """A fault that explains everything except the gradients of one kind of parameter, with a fault
    of that kind."""
    network = evidence.case.network
    for leaf in LEAVES:
        rest = {n: v for n, v in evidence.found.items() if n.rstrip("0123456789") != leaf}
        others = replace(evidence, found=rest)
        if len(rest) == len(evidence.found) or not others.wrong:
            continue
        singles = [*trials_of(others, structural), *fitted(others)]
        explaining = [trial.candidate for trial in singles if trial.stopped is None][:PARTLY]
        for trial in trials_of(evidence, explaining):
            yield from fitted(evidence, trial, (leaf,))
        own = [c for c in of_structure(network) if c.fault.operation == leaf]
        yield from paired(evidence, product(explaining, own))


def below(
    evidence: Evidence, structural: Sequence[Candidate], partly: Sequence[Trial]
) -> Iterator[Trial]:
    """A fault that explains the first wrong tensor with another fault, or two in one step."""
    network = evidence.case.network
    for trial in partly:
        yield from fitted(evidence, trial)
    yield from paired(evidence, product((t.candidate for t in partly), of_structure(network)))
    same = [c for c in structural if broken_name(evidence, c) == evidence.wrong[0]]
    yield from paired(evidence, combinations(same, 2))


def paired(evidence: Evidence, pairs: Iterable[tuple[Candidate, Candidate]]) -> Iterator[Trial]:
    """Try pairs of faults."""
    network = evidence.case.network
    ordered = (in_order(one, other, network) for one, other in pairs if one is not other)
    yield from trials_of(evidence, ordered)


def in_order(one: Candidate, other: Candidate | None, network: Network) -> Candidate:
    """Sort faults in order of execution."""

    def time(candidate: Candidate) -> tuple[bool, int]:
        stage = candidate.fault.stage
        placed = candidate.fault.step_in(network, candidate.first_layer)
        order = list(steps_of(network, stage))
        return stage == "backward", order.index((placed.step.operation, placed.l))

    ordered = sorted((*one.parts, *(other.parts if other else ())), key=time)
    pair: Candidate | None = None
    for part in reversed(ordered):
        pair = Candidate(part.fault, part.layers, pair, every=part.every)
    assert pair is not None
    return pair


def trials_of(evidence: Evidence, candidates: Iterable[Candidate]) -> Iterator[Trial]:
    """Try each candidate that can be made here."""
    yield from filter(None, (tried(evidence, candidate) for candidate in candidates))


def without_twins(found: Sequence[Trial]) -> list[Trial]:
    """Keep one of each pair that was found in both orders."""
    seen: set[frozenset[Any]] = set()
    kept = []
    for one in found:
        key = frozenset((part.fault.name, part.layers) for part in one.candidate.parts)
        if key not in seen:
            seen.add(key)
            kept.append(one)
    return kept


def posing_as_float64(evidence: Evidence) -> Match | None:
    """Match float32: no value is off by more than its rounding, and most by more than float64's."""
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
    """Whether the cost was given, if the fault says something about the cost."""
    if candidate.fault.stage == "backward" or candidate.fault.operation not in ("loss", "cost"):
        return True
    return "forward cost" in evidence.found or "forward loss" in evidence.found


def broken_name(evidence: Evidence, candidate: Candidate) -> str:
    """The name in the evidence of the first tensor that a fault makes wrong."""
    name = broken_tensor(evidence, candidate)
    return f"{VALUE}{name}" if candidate.fault.stage == "forward" else name


def broken_tensor(evidence: Evidence, candidate: Candidate) -> str:
    """The name of the first tensor that a fault makes wrong."""
    return candidate.fault.step_in(evidence.case.network, candidate.first_layer).name


def finite(value: float | None) -> float | None:
    """None instead of infinity, which JSON lacks."""
    return value if value is not None and np.isfinite(value) else None
